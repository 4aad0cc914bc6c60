#!/bin/sh
# A disk over NBD whose server is killed in the middle of fio's writing and verifying, and comes back seconds later: the driver has been told to
# wait, nothing fails, nothing is lost.
# Init of a user-mode Linux; run by test/kernel/nbd-cases.ts, which kills the server some time after "writing" and starts it again. Environment:
# mtu, site, server, port, streams (connections), seconds (that the driver waits), jobs (see fio.sh), size, rate (operations a second), enough (path of a
# file: the host's word that the server was killed often enough).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"

: "${server:?}" "${port:?}" "${streams:?}" "${seconds:?}" "${jobs:?}"
must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
load block/nbd
device=/dev/nbd0
python3 "${0%/*}/nbd-keep.py" "$server" "$port" "" 0 "$streams" "$seconds" >/run/keep 2>&1 &
await 20 grep -q connected /run/keep
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
write_rounds
mount_again ext4
verify_last_round
must umount /mnt/disk
grep -q again /run/keep || fail "it was never connected again: $(cat /run/keep)"
no_errors
say "verified"
finish PASS
