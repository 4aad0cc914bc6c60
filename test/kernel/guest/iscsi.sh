#!/bin/sh
# A file system on a disk over iSCSI, by the kernel's own initiator.
# Init of a user-mode Linux; run by test/kernel/iscsi-cases.ts. Environment: mtu, site (our address), portal (the server's address and port),
# filesystem, jobs and size (as in fio.sh), digests (None or CRC32C).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

: "${filesystem:?}" "${size:?}"
must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
start_iscsi 120 15
log_in "${portal:?}"
find_iscsi "$portal"
live_on "$filesystem" "$device"
log_out
say "verified again $jobs"
finish PASS
