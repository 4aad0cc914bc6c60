#!/bin/sh
# Two disks over iSCSI, of two servers, as a mirror of md, one of which is away for a while (raid-life.sh): its server is killed, and its session
# given up after two seconds.
# Init of a user-mode Linux; run by test/kernel/iscsi-cases.ts, which ends the second server at "fail it", starts it again, and compares the files
# behind the disks afterwards. Environment: mtu, site, portals (both with a comma between them), megabytes (of the mirror).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

: "${portals:?}"
must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
start_iscsi 2 3
log_in "${portals%,*}" "${portals#*,}"
one=/dev/$(disks_at "${portals%,*}") two=/dev/$(disks_at "${portals#*,}")
# shellcheck source=test/kernel/guest/raid-life.sh
. "${0%/*}/raid-life.sh"

lose_two() { lose_by_test; }

usable() { dd if="$two" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; }

find_two() { await 60 usable; }

live_on_raid
log_out
finish PASS
