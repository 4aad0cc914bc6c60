#!/bin/sh
# Two paths to one disk over iSCSI, as dm-multipath has them, one of which is taken away in the middle of fio's writing and verifying, and comes
# back, and then the other one: nothing fails, nothing is lost.
# Init of a user-mode Linux; run by test/kernel/iscsi-cases.ts, which takes them away from "writing" on. Environment: mtu, sites (our addresses on
# vec0 and vec1), portals (the server's there; both with a comma between them), jobs (see fio.sh), size, rate, enough (see iscsi-outage.sh).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

: "${sites:?}" "${portals:?}" "${jobs:?}"
for port in 0 1; do must ip link set "vec$port" mtu "${mtu:?}" up; done
must ip address add "${sites%,*}/24" dev vec0
must ip address add "${sites#*,}/24" dev vec1
for module in dm-mod dm-multipath dm-round-robin; do load "md/$module"; done
# What a path that is gone has under way fails soon, so that it goes by the other one.
start_iscsi 2 3
log_in "${portals%,*}" "${portals#*,}"
one=$(disks_at "${portals%,*}") two=$(disks_at "${portals#*,}")
for disk in "$one" "$two"; do [ -b "/dev/$disk" ] || fail "not one disk by each portal: $one $two"; done

# identity DISK: what VPD page 83 says, as the kernel has read it.
identity() { od -An -tx1 -v "/sys/block/$1/device/vpd_pg83" | tr -d ' \n'; }
[ -n "$(identity "$one")" ] || fail "the disk has no identity"
[ "$(identity "$one")" = "$(identity "$two")" ] || fail "by each path the disk has another identity: $(identity "$one") $(identity "$two")"

number() { cat "/sys/block/$1/dev"; }
echo "0 $(blockdev --getsz "/dev/$one") multipath 1 queue_if_no_path 0 1 1 round-robin 0 2 1 $(number "$one") 1 $(number "$two") 1" |
	dmsetup create --noudevsync paths || fail "no device of paths"
dmsetup mknodes paths
device=/dev/mapper/paths

# What multipathd does elsewhere: a path that can be read again is used again.
keep_paths() {
	while sleep 0.5; do
		for disk in "$one" "$two"; do
			dmsetup status paths | grep -q "$(number "$disk") F" || continue
			dd if="/dev/$disk" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null || continue
			dmsetup message paths 0 reinstate_path "$(number "$disk")" && echo "$disk is there again" >>/run/paths
		done
	done
}
keep_paths &
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
write_rounds
mount_again ext4
verify_last_round
must umount /mnt/disk
for disk in "$one" "$two"; do grep -q "$disk" /run/paths || fail "$disk was never gone, or never came back: $(cat /run/paths)"; done
! dmesg | grep -E "I/O error, dev dm|Buffer I/O|EXT4-fs error" || fail "the kernel saw errors"
say "verified"
finish PASS
