#!/bin/sh
# A file system on a volume of the daemon while it is in use: what a snapshot and a moment of it hold can be mounted as disks of their own, with
# a journal that has to be replayed; what was damaged is back after a rollback.
# Init of a user-mode Linux; run by test/kernel/past-cases.ts. Environment: mtu, limits, disk, kept and moment (the disks of what was), filesystem
# (ext4 or xfs), random (megabytes of the file with a checksum), words (path: with a dot and the word behind it, files by which the host answers).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

: "${disk:?}" "${kept:?}" "${moment:?}" "${filesystem:?}" "${random:?}" "${words:?}"

# told WORD ANSWER: tells the host, and waits for what it answers.
told() {
	say "$1"
	await 60 test -e "$words.$2"
}

# worked: files that come and go, so that the journal is never empty.
worked() {
	n=0
	while [ ! -e /run/rest ]; do
		n=$((n + 1))
		dd if=/dev/zero "of=/mnt/disk/busy$((n % 50))" bs=4k count=3 conv=fsync status=none || return 1
		rm -f "/mnt/disk/busy$(((n + 25) % 50))"
	done
}

# look DISK: mounts it as anybody would, finds what was there, and writes to it.
look() {
	find_disk "$1"
	must mkdir -p "/mnt/$1"
	# (A file system of the same UUID is mounted already; xfs is told not to mind.)
	case $filesystem in
	xfs) must mount -o nouuid "/dev/etherd/$1" "/mnt/$1" ;;
	*) must mount "/dev/etherd/$1" "/mnt/$1" ;;
	esac
	(must cd "/mnt/$1" && must md5sum -c --quiet /run/sums)
	must dd if=/dev/urandom "of=/mnt/$1/more" bs=64k count=16 conv=fsync status=none
	must umount "/mnt/$1"
	check "$filesystem" "/dev/etherd/$1"
}

load_aoe
mount_new "$disk" "$filesystem"
must dd if=/dev/urandom of=/mnt/disk/random bs=1M "count=$random" conv=fsync status=none
(cd /mnt/disk && md5sum random >/run/sums)
worked &
worker=$!
told written kept
must dd if=/dev/zero of=/mnt/disk/random bs=1M "count=$random" conv=notrunc,fsync status=none
told damaged shown
look "$kept"
look "$moment"
: >/run/rest
must wait $worker
must umount /mnt/disk
forget "$device"
told away back
must mount "$device" /mnt/disk
(must cd /mnt/disk && must md5sum -c --quiet /run/sums)
must umount /mnt/disk
check "$filesystem" "$device"
no_errors
say "verified"
finish PASS
