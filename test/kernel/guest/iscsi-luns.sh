#!/bin/sh
# Units of one target over iSCSI: one is copied to another by the target itself, another one comes while they are used, and one goes; the kernel is
# told, and looks when it is asked to.
# Init of a user-mode Linux; run by test/kernel/iscsi-daemon-cases.ts, which adds a unit at "copied", and takes the second one away at "added".
# Environment: mtu, site, portal.
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

: "${portal:?}"
must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
start_iscsi 120 15
load scsi/sg
log_in "$portal"

# units COUNT: so many disks are there.
units() { [ "$(disks_at "$portal" | wc -l)" = "$1" ]; }

# unit LUN: its disk.
unit() { for disk in /sys/class/scsi_device/*:"$1"/device/block/*; do echo "${disk##*/}"; done; }

await 20 units 2
one=/dev/$(unit 0) two=/dev/$(unit 1)
must sg_luns "$one"
dd if=/dev/urandom of="$one" bs=65536 count=16 oflag=direct 2>/dev/null || fail "can't write"
# sg_xcopy looks for a disk's number where udev would have put it.
mkdir -p /dev/block
for disk in "$one" "$two"; do ln -s "$disk" "/dev/block/$(cat "/sys/block/${disk##*/}/dev")"; done
sg_xcopy if="$one" of="$two" count=2048 bs=512 >/run/xcopy 2>&1 || fail "sg_xcopy: $(cat /run/xcopy)"
must blockdev --flushbufs "$two"
cmp -n 1048576 "$one" "$two" || fail "not what was copied"
say "copied"

# changed COUNT: the kernel has been told so often that there are other units. It asks the disk for something, since it is told with an answer.
changed() {
	dd if="$one" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null
	[ "$(dmesg | grep -c "LUN assignments on this target have changed")" -ge "$1" ]
}
await 20 changed 1
iscsi -m session --rescan
await 20 units 3
must dd if="/dev/$(unit 7)" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null
say "added"

await 20 changed 2
! dd if="$two" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null || fail "who is gone answers"
must dd if="/dev/$(unit 7)" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null
cmp -n 4096 "$one" "$one" || fail "the first one does not go on"
log_out
say "gone"
finish PASS
