#!/bin/sh
# Two disks over AoE as a mirror of md, one of which is away for a while (raid-life.sh).
# Init of a user-mode Linux; run by test/kernel/storage-cases.ts, which compares the files behind the disks afterwards.
# Environment: mtu, disks (such as e9.0,e9.1), megabytes (of the mirror), and where wanted dead, seconds after which the
# driver gives a disk up: then disk two is failed not by us but by the test, which ends its server at "fail it".
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

: "${disks:?}"
load_aoe ${dead:+"aoe_deadsecs=$dead"}
for disk in "${disks%,*}" "${disks#*,}"; do find_disk "$disk"; done
one=/dev/etherd/${disks%,*} two=/dev/etherd/${disks#*,}
# shellcheck source=test/kernel/guest/raid-life.sh
. "${0%/*}/raid-life.sh"

lose_two() {
	if [ -z "$dead" ]; then raid /dev/md0 --fail "$two"; else lose_by_test; fi
}

usable() { echo "${two##*/}" >/dev/etherd/revalidate; sleep 0.2; dd if="$two" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; }

find_two() { [ -z "$dead" ] || await 60 usable; }

live_on_raid
finish PASS
