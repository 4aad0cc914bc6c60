#!/bin/sh
# A disk whose server is killed in the middle of fio's writing and verifying, and comes back seconds later: the driver waits,
# nothing fails, nothing is lost.
# Init of a user-mode Linux; run by test/kernel/network-cases.ts, which kills the server some time after "writing" and starts
# it again; it says "written" when fio is through. Environment: mtu, limits, disk, jobs (see fio.sh), size, rate (operations
# a second, so that it takes long enough).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"

: "${disk:?}" "${jobs:?}" "${size:?}" "${rate:?}"
load_aoe
find_disk "$disk"
device=/dev/etherd/$disk
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
{
	fio_options
	fio_jobs "$jobs" "directory=/mnt/disk"
} >/run/fio.job
# The same, slower; and what was written is read again soon, between writes, and not only at the end.
{
	fio_options
	printf '%s\n' "rate_iops=$rate,$rate" verify_backlog=64
	fio_jobs "$jobs" "directory=/mnt/disk"
} >/run/slow.job
say "writing"
run_fio /run/slow.job
say "written"
must umount /mnt/disk
check ext4 "$device"
forget "$device"
must mount "$device" /mnt/disk
run_fio --verify_only /run/fio.job
must umount /mnt/disk
no_errors
say "verified"
finish PASS
