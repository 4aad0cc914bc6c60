#!/bin/sh
# A disk whose server vanishes in the middle of writes and comes back: the driver waits, and nothing is lost.
# Init of a user-mode Linux; run by test/kernel/kernel.test.ts, which ends the server when it reads "writing" and starts it
# again. Environment: mtu, disk.
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

: "${disk:?}"
load_aoe
find_disk "$disk"
device=/dev/etherd/$disk
must mkfs.ext4 -q -F "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
head -c 1000000 /dev/urandom >/run/piece
say "writing"
for piece in 1 2 3 4 5 6 7 8; do
	must cp /run/piece "/mnt/disk/$piece"
	must sync
done
say "written"
must umount /mnt/disk
must e2fsck -fn "$device"
must blockdev --flushbufs "$device"
echo 3 >/proc/sys/vm/drop_caches
must mount "$device" /mnt/disk
for piece in 1 2 3 4 5 6 7 8; do
	must cmp /run/piece "/mnt/disk/$piece"
done
must umount /mnt/disk
say "compared"
finish PASS
