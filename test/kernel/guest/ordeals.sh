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

load_aoe
find_disk "$disk"
device=/dev/etherd/$disk
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
write_rounds
must umount /mnt/disk
check ext4 "$device"
forget "$device"
must mount "$device" /mnt/disk
verify_last_round
must umount /mnt/disk
no_errors
say "verified"
finish PASS
