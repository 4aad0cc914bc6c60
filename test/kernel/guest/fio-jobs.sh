# Jobs for fio, and how to run them. Sourced by guest scripts after common.sh.
# shellcheck shell=sh

# How this kernel takes many requests at once.
if [ -e /proc/sys/fs/aio-max-nr ]; then engine=libaio; else engine=io_uring; fi

# fio_options: what holds for all jobs. Each block carries its offset and a checksum; the sequence is the same in each run.
fio_options() {
	cat <<END
[global]
ioengine=$engine
direct=1
thread
rw=randwrite
size=${size:?}
verify=crc32c
verify_fatal=1
verify_state_save=0
END
}

# fio_jobs JOBS OPTION...: a section for each of BLOCK:DEPTH,..., one after the other, with the options.
fio_jobs() {
	list=$1
	shift
	for job in $(echo "$list" | tr , ' '); do
		printf '[%s]\nstonewall\nbs=%s\niodepth=%s\n' "$(echo "$job" | tr : -)" "${job%:*}" "${job#*:}"
		printf '%s\n' "$@"
	done
}

# run_fio ARGUMENT...: fio must do all of it without an error.
run_fio() {
	fio --output-format=terse --terse-version=3 "$@" >/run/fio.out 2>&1 || fail "fio: $(tail -n 20 /run/fio.out)"
}

# write_job ROUND OPTION...: what an earlier round has left in place of this one's is found out.
write_job() {
	round=$1
	shift
	fio_options
	printf '%s\n' "randseed=$round" "$@"
	fio_jobs "${jobs:?}" "directory=/mnt/disk"
}

# write_rounds: round after round, each with other data, until there is the file $enough; leaves their number in $rounds.
write_rounds() {
	say "writing"
	rounds=0
	until [ -e "${enough:?}" ]; do
		rounds=$((rounds + 1))
		write_job $rounds "rate_iops=${rate:?},$rate" verify_backlog=64 >/run/fio.job
		run_fio /run/fio.job
	done
	say "written, $rounds rounds"
}

# verify_last_round: what that has written is read once more.
verify_last_round() {
	write_job "$rounds" >/run/fio.job
	run_fio --verify_only /run/fio.job
}

# live_on FILESYSTEM DEVICE: its whole life: made, written and verified by $jobs of fio of $size, trimmed, checked, mounted anew, verified again.
# It is $device from then on.
live_on() {
	device=$2
	make "$1" "$device"
	must mkdir /mnt/disk
	must mount -t "$1" "$device" /mnt/disk
	fio_options >/run/fio.job
	fio_jobs "${jobs:?}" "directory=/mnt/disk" >>/run/fio.job
	run_fio /run/fio.job
	say "wrote and verified $jobs"
	must fstrim /mnt/disk
	mount_again "$1"
	run_fio --verify_only /run/fio.job
	must umount /mnt/disk
	no_errors
}
