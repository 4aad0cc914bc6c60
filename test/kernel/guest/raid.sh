#!/bin/sh
# Two disks as a mirror of md: filled, one disk failed and taken out, more written, the disk added again, which gets what it
# has missed; all files compared, and both halves.
# Init of a user-mode Linux; run by test/kernel/storage-cases.ts, which compares the files behind the disks afterwards.
# Environment: mtu, disks (such as e9.0,e9.1), megabytes (of the mirror), and where wanted dead, seconds after which the
# driver gives a disk up: then disk two is failed not by us but by the test, which ends its server at "fail it".
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

: "${disks:?}" "${megabytes:?}"
one=${disks%,*} two=${disks#*,}
load md/md-mod
load md/raid1
# Resync at full speed, whatever else goes on.
echo 1000000 >/proc/sys/dev/raid/speed_limit_min
load_aoe ${dead:+"aoe_deadsecs=$dead"}
find_disk "$one"
find_disk "$two"

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

# The superblock is at the end, so that the test can compare the disks from their first byte.
raid --create /dev/md0 --run --metadata=1.0 --level=1 --raid-devices=2 --bitmap=internal --size="${megabytes}M" \
	"/dev/etherd/$one" "/dev/etherd/$two"
await 60 idle
must whole
say "resynced at first"
make ext4 /dev/md0
mkdir /mnt/disk
must mount /dev/md0 /mnt/disk
fill before

if [ -z "$dead" ]; then
	raid /dev/md0 --fail "/dev/etherd/$two"
else
	say "fail it"
	# md learns of it when it writes.
	failing() { date >/mnt/disk/touched; sync; degraded; }
	await 60 failing
fi
must degraded
raid /dev/md0 --remove "/dev/etherd/$two"
fill degraded
say "degraded"
if [ -n "$dead" ]; then
	usable() { echo "$two" >/dev/etherd/revalidate; sleep 0.2; dd if="/dev/etherd/$two" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; }
	await 60 usable
fi
raid /dev/md0 --re-add "/dev/etherd/$two"
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
finish PASS
