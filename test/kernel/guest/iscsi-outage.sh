#!/bin/sh
# A disk over iSCSI whose server is killed in the middle of fio's writing and verifying, and comes back seconds later: iscsid logs in again, nothing
# fails, nothing is lost.
# Init of a user-mode Linux; run by test/kernel/iscsi-cases.ts, which kills the server some time after "writing" and starts it again. Environment:
# mtu, site, portal, jobs (see fio.sh), size, rate (operations a second), enough (path of a file: the host's word that the server was killed often
# enough).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

: "${jobs:?}"
must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
start_iscsi 120 15
log_in "${portal:?}"
find_iscsi "$portal"
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
write_rounds
mount_again ext4
verify_last_round
must umount /mnt/disk
dmesg | grep -q "detected conn error" || fail "no connection was ever lost"
no_errors
log_out
say "verified"
finish PASS
