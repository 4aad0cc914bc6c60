# Two disks, $one and $two, as a mirror of md: filled, one disk failed and taken out, more written, the disk added again, which gets what it has
# missed; all files compared, and both halves. Sourced by guest scripts after common.sh, once they have the disks and $megabytes, the size of the
# mirror, and have said how the second one is lost (lose_two) and when it is there again (find_two).
# shellcheck shell=sh

load md/md-mod
load md/raid1
# Resync at full speed, whatever else goes on.
echo 1000000 >/proc/sys/dev/raid/speed_limit_min

# raid ARGUMENT...: mdadm, quiet unless it fails.
raid() { mdadm "$@" >/run/mdadm.out 2>&1 || fail "mdadm $*: $(cat /run/mdadm.out)"; }

idle() { [ "$(cat /sys/block/md0/md/sync_action)" = idle ]; }
whole() { grep -q '\[UU\]' /proc/mdstat; }
degraded() { grep -q '\[U_\]' /proc/mdstat; }

# fill NAME: a directory of random files, a quarter of the mirror.
fill() {
	mkdir "/mnt/disk/$1"
	for i in 1 2 3 4; do
		head -c $((megabytes * 65536)) /dev/urandom >"/mnt/disk/$1/$i" || fail "can't write"
	done
	sync
	(cd /mnt/disk && find . -type f -exec sha256sum {} +) >/run/sums
}

# lose_by_test: the test is told to take the second one away; md learns of it when it writes.
lose_by_test() {
	say "fail it"
	failing() { date >/mnt/disk/touched; sync; degraded; }
	await 60 failing
}

live_on_raid() {
	# The superblock is at the end, so that the test can compare the disks from their first byte.
	raid --create /dev/md0 --run --metadata=1.0 --level=1 --raid-devices=2 --bitmap=internal --size="${megabytes:?}M" "${one:?}" "${two:?}"
	await 60 idle
	must whole
	say "resynced at first"
	make ext4 /dev/md0
	mkdir /mnt/disk
	must mount /dev/md0 /mnt/disk
	fill before

	lose_two
	must degraded
	raid /dev/md0 --remove "$two"
	fill degraded
	say "degraded"
	find_two
	raid /dev/md0 --re-add "$two"
	await 60 whole
	await 60 idle
	say "re-added"

	echo check >/sys/block/md0/md/sync_action
	await 60 idle
	mismatches=$(cat /sys/block/md0/md/mismatch_cnt)
	[ "$mismatches" = 0 ] || fail "the halves differ in $mismatches sectors"
	must umount /mnt/disk
	forget /dev/md0
	must mount /dev/md0 /mnt/disk
	(cd /mnt/disk && sha256sum --quiet --strict -c /run/sums) || fail "files differ"
	must umount /mnt/disk
	raid --stop /dev/md0
	say "compared $(wc -l </run/sums) files"
}
