#!/bin/sh
# A disk reached over two links: both are used, and one can be taken away in the middle of a copy.
# Init of a user-mode Linux; run by test/kernel/network-cases.ts, which counts frames up to "both links", and takes a link
# away when it reads "copying". Environment: mtu, limits, disk, megabytes.
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

: "${disk:?}" "${megabytes:?}"
load_aoe
find_disk "$disk"
device=/dev/etherd/$disk
# Each link is a path once an answer has come over it.
paths() {
	! grep -q 'vec0.*vec1\|vec1.*vec0' "/sys/block/etherd!$disk/netif" || return 0
	echo >/dev/etherd/discover
	sleep 0.2
	return 1
}
await 4 paths
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
head -c 1000000 /dev/urandom >/run/piece
piece=0
while [ $piece -lt "$megabytes" ]; do
	must cp /run/piece "/mnt/disk/$piece"
	must sync
	piece=$((piece + 1))
	[ $piece != $((megabytes / 4)) ] || say "both links"
	[ $piece != $((megabytes / 2)) ] || say "copying"
done
say "copied"
must umount /mnt/disk
check ext4 "$device"
forget "$device"
must mount "$device" /mnt/disk
while [ $piece -gt 0 ]; do
	piece=$((piece - 1))
	must cmp /run/piece "/mnt/disk/$piece"
done
must umount /mnt/disk
no_errors
say "compared"
finish PASS
