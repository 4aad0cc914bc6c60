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
