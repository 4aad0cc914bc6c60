#!/bin/sh
# fio writes random blocks into files of a file system, at several block sizes and depths, and verifies each block as it
# reads it again; then all of them once more after the file system was checked and mounted anew.
# Init of a user-mode Linux; run by test/kernel/storage-cases.ts. Environment: mtu, limits, disk, filesystem (ext4 or xfs),
# jobs (such as 4k:16,64k:2 for blocks of 4 KiB 16 at a time, then of 64 KiB), size (of each job's file).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"

: "${disk:?}" "${filesystem:?}" "${jobs:?}" "${size:?}"
load_aoe
mount_new "$disk" "$filesystem"
say "mounted $filesystem, fio with $engine"
fio_options >/run/fio.job
fio_jobs "$jobs" "directory=/mnt/disk" >>/run/fio.job
run_fio /run/fio.job
say "wrote and verified $jobs"
mount_again "$filesystem"
run_fio --verify_only /run/fio.job
must umount /mnt/disk
no_errors
say "verified again $jobs"
finish PASS
