#!/bin/sh
# A file system that is there already, on a disk that appears at some time: mounted, one file of it read, and then what a machine reads when it boots.
# Init of a user-mode Linux; run by test/bench/object-clone.ts. Environment: disk (its name), mtu.
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

load_aoe
say "waits for ${disk:?}"
await 120 discovered "$disk"
must mkdir /mnt/disk
must mount -o ro "/dev/etherd/$disk" /mnt/disk
must cat /mnt/disk/first >/dev/null
say "has read a file"
# (One process reads all of it: this kernel takes 30 ms to begin one, which would be most of the time.)
must cat /mnt/disk/boot/* >/dev/null
say "has read all of boot"
must umount /mnt/disk
finish PASS
