#!/bin/sh
# What a file had is freed on a disk over iSCSI when the file is gone: by fstrim, at once where the file system is mounted to do so, and by
# blkdiscard for all of it.
# Init of a user-mode Linux; run by test/kernel/iscsi-cases.ts, which looks at how much the server's file has of its disk when it reads these words.
# Environment: mtu, site, portal, filesystem, megabytes (of the file).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

: "${filesystem:?}" "${megabytes:?}"
must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
start_iscsi 120 15
log_in "${portal:?}"
find_iscsi "$portal"
[ "$(cat "/sys/block/${device##*/}/queue/discard_max_bytes")" -gt 0 ] || fail "the disk can't discard"
make "$filesystem" "$device"
must mkdir /mnt/disk

# fill: the file, on the disk. drop: it is gone.
fill() {
	head -c $((megabytes * 1048576)) /dev/urandom >/mnt/disk/file || fail "can't write"
	sync
	say "filled"
}
drop() {
	must rm /mnt/disk/file
	sync
}

must mount -t "$filesystem" "$device" /mnt/disk
fill
drop
must fstrim /mnt/disk
say "trimmed"
must umount /mnt/disk
must mount -t "$filesystem" -o discard "$device" /mnt/disk
fill
drop
must umount /mnt/disk
say "discarded"
check "$filesystem" "$device"
must blkdiscard -f "$device"
must blkdiscard -f --zeroout --offset 0 --length 1048576 "$device"
[ -z "$(head -c 1048576 "$device" | tr -d '\0')" ] || fail "what was discarded is not zero"
no_errors
log_out
say "all of it"
finish PASS
