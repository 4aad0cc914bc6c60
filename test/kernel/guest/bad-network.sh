#!/bin/sh
# fio writes and verifies over a network that drops, doubles, delays, reorders and damages frames; then a file system does.
# Init of a user-mode Linux; run by test/kernel/network-cases.ts, which has the bad network. Environment: mtu, limits, disk,
# jobs (see fio.sh), size, rounds (how often each job overwrites what is there, each time with other data), copied (megabytes
# for the file system, or 0).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"

: "${disk:?}" "${jobs:?}" "${size:?}" "${rounds:?}" "${copied:?}"
load_aoe
await 30 discovered "$disk"
find_disk "$disk"
device=/dev/etherd/$disk
round=0
while [ $round -lt "$rounds" ]; do
	round=$((round + 1))
	{
		fio_options
		echo "randseed=$round"
		fio_jobs "$jobs" "filename=$device"
	} >/run/fio.job
	run_fio /run/fio.job
	say "round $round verified"
done
if [ "$copied" = 0 ]; then
	no_errors
	finish PASS
fi
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
head -c 1000000 /dev/urandom >/run/piece
for piece in $(seq "$copied"); do
	must cp /run/piece "/mnt/disk/$piece"
done
must umount /mnt/disk
check ext4 "$device"
forget "$device"
must mount "$device" /mnt/disk
for piece in $(seq "$copied"); do
	must cmp /run/piece "/mnt/disk/$piece"
done
must umount /mnt/disk
no_errors
say "compared"
finish PASS
