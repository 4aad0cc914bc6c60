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
# shellcheck source=test/kernel/guest/iscsi-multipath.sh
. "${0%/*}/iscsi-multipath.sh"

: "${sites:?}" "${portals:?}" "${jobs:?}"
for port in 0 1; do must ip link set "vec$port" mtu "${mtu:?}" up; done
must ip address add "${sites%,*}/24" dev vec0
must ip address add "${sites#*,}/24" dev vec1
# What a path that is gone has under way fails soon, so that it goes by the other one.
start_iscsi 2 3
log_in "${portals%,*}" "${portals#*,}"
one=$(disks_at "${portals%,*}") two=$(disks_at "${portals#*,}")
for disk in "$one" "$two"; do [ -b "/dev/$disk" ] || fail "not one disk by each portal: $one $two"; done

start_paths "${portals%,*}" "${portals#*,}"
device=/dev/mapper/paths
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
write_rounds
mount_again ext4
verify_last_round
must umount /mnt/disk
for disk in "$one" "$two"; do grep -q "$disk is there" /run/paths || fail "$disk was never gone, or never came back: $(cat /run/paths)"; done
no_errors_of_paths
say "verified"
finish PASS
