#!/bin/sh
# Files with known checksums and fio's blocks on a file system on a volume of a pool, whose server is killed again and again meanwhile;
# all of it is there when the file system was checked and mounted anew.
# Init of a user-mode Linux; run by test/kernel/pool-cases.ts. Environment: mtu, limits, disk, filesystem (ext4 or xfs), jobs (see
# fio.sh), size, rate (operations a second), random (megabytes of the file with a checksum), enough (path of a file: the host's word
# that the server was killed often enough).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"

: "${disk:?}" "${filesystem:?}" "${jobs:?}" "${size:?}" "${rate:?}" "${random:?}" "${enough:?}"

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
make "$filesystem" "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
must dd if=/dev/urandom of=/mnt/disk/random bs=1M "count=$random" conv=fsync status=none
md5sum /mnt/disk/random >/run/sums
say "writing"
rounds=0
until [ -e "$enough" ]; do
	rounds=$((rounds + 1))
	write_job $rounds "rate_iops=$rate,$rate" verify_backlog=64 >/run/fio.job
	run_fio /run/fio.job
done
say "written, $rounds rounds"
must umount /mnt/disk
check "$filesystem" "$device"
forget "$device"
must mount "$device" /mnt/disk
write_job $rounds >/run/fio.job
run_fio --verify_only /run/fio.job
must md5sum -c --quiet /run/sums
must umount /mnt/disk
no_errors
say "verified"
finish PASS
