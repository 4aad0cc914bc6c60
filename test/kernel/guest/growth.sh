#!/bin/sh
# A disk that grows while its file system is mounted: the driver is told to look, the file system takes the new space, and it
# is used.
# Init of a user-mode Linux; run by test/kernel/storage-cases.ts, which makes the disk larger when it reads "mounted".
# Environment: mtu, disk, filesystem (ext4 or xfs), sectors (of the larger disk).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

: "${disk:?}" "${filesystem:?}" "${sectors:?}"
load_aoe
mount_new "$disk" "$filesystem"
head -c 2000000 /dev/urandom >/mnt/disk/old
old=$(blockdev --getsz "$device")
say "mounted $filesystem on $old sectors"

grown() {
	must aoe-revalidate "$disk"
	sleep 0.2
	[ "$(blockdev --getsz "$device")" = "$sectors" ]
}
await 20 grown
say "the disk has $sectors sectors"
case $filesystem in
xfs) xfs_growfs /mnt/disk >/run/grow 2>&1 || fail "xfs_growfs: $(cat /run/grow)" ;;
*) resize2fs "$device" >/run/grow 2>&1 || fail "resize2fs: $(cat /run/grow)" ;;
esac
# More than would have fitted before.
head -c $((old * 512)) /dev/urandom >/mnt/disk/new || fail "the new space can't be filled"
(cd /mnt/disk && sha256sum old new) >/run/sums
mount_again "$filesystem"
(cd /mnt/disk && sha256sum --quiet --strict -c /run/sums) || fail "files differ"
must umount /mnt/disk
no_errors
say "filled and compared"
finish PASS
