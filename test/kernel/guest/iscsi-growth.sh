#!/bin/sh
# A disk over iSCSI that grows while its file system is mounted: the kernel is told by a unit attention, and looks when it is asked to; the file
# system takes the new space, and it is used.
# Init of a user-mode Linux; run by test/kernel/iscsi-cases.ts, which makes the disk larger when it reads "mounted". Environment: mtu, site, portal,
# filesystem (ext4 or xfs), sectors (of the larger disk).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

: "${filesystem:?}" "${sectors:?}"
must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
start_iscsi 120 15
log_in "${portal:?}"
find_iscsi "$portal"
make "$filesystem" "$device"
must mkdir /mnt/disk
must mount -t "$filesystem" "$device" /mnt/disk
head -c 2000000 /dev/urandom >/mnt/disk/old
sync
old=$(blockdev --getsz "$device")
say "mounted $filesystem on $old sectors"

# Who asks for anything is told that it has grown, once.
told() {
	dd if="$device" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null
	dmesg | grep -q "Capacity data has changed"
}
await 20 told
say "told"
grown() {
	echo 1 >"/sys/block/${device##*/}/device/rescan"
	sleep 0.2
	[ "$(blockdev --getsz "$device")" = "$sectors" ]
}
await 20 grown
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
log_out
say "filled and compared"
finish PASS
