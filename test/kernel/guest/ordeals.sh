#!/bin/sh
# fio writes and verifies on an ext4, round after round, each with other data, until the host says that it has seen enough: by a file
# that this kernel sees on its /, which is the host's. Then what the last round has written is read once more, after the file system
# was checked and mounted anew.
# Init of a user-mode Linux; run by test/kernel/daemon-cases.ts. Environment: mtu, limits, disk, jobs (see fio.sh), size, rate
# (operations a second), enough (path of the file).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"

: "${disk:?}" "${jobs:?}" "${size:?}" "${rate:?}" "${enough:?}"

# write_job ROUND OPTION...: what an earlier round has left in place of this one's is found out.
write_job() {
	round=$1
	shift
	fio_options
	printf '%s\n' "randseed=$round" "$@"
	fio_jobs "$jobs" "directory=/mnt/disk"
}

load_aoe
find_disk "$disk"
device=/dev/etherd/$disk
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
say "writing"
rounds=0
until [ -e "$enough" ]; do
	rounds=$((rounds + 1))
	write_job $rounds "rate_iops=$rate,$rate" verify_backlog=64 >/run/fio.job
	run_fio /run/fio.job
done
say "written, $rounds rounds"
must umount /mnt/disk
check ext4 "$device"
forget "$device"
must mount "$device" /mnt/disk
write_job $rounds >/run/fio.job
run_fio --verify_only /run/fio.job
must umount /mnt/disk
no_errors
say "verified"
finish PASS
