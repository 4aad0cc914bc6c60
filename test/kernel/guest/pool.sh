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

load_aoe
mount_new "$disk" "$filesystem"
must dd if=/dev/urandom of=/mnt/disk/random bs=1M "count=$random" conv=fsync status=none
md5sum /mnt/disk/random >/run/sums
write_rounds
mount_again "$filesystem"
verify_last_round
must md5sum -c --quiet /run/sums
must umount /mnt/disk
no_errors
say "verified"
finish PASS
