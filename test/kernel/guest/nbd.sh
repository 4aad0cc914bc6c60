#!/bin/sh
# A file system on a disk over NBD, by the kernel's own driver, over several connections of TCP.
# Init of a user-mode Linux; run by test/kernel/nbd-cases.ts. Environment: mtu, site (our address), server, port, disk (the name of the export,
# if it has one), streams (connections: a name that begins with "con" is a word of this kernel), filesystem, jobs and size (as in fio.sh).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"
# shellcheck source=test/kernel/guest/nbd-common.sh
. "${0%/*}/nbd-common.sh"

: "${streams:?}" "${filesystem:?}" "${size:?}"
must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
load block/nbd
connect_nbd -b 512 -C "$streams"
live_on_nbd "$filesystem"
finish PASS
