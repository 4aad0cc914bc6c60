#!/bin/sh
# A file system's whole life on a disk behind AoE: made, filled with a tree, checked, mounted anew and compared.
# Init of a user-mode Linux; run by test/kernel/kernel.test.ts and gre-cases.ts. Environment: mtu, disk (such as e9.0), and behind a
# router server, site and router (see load_aoe_behind_router).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

: "${disk:?}"
if [ -n "${server:-}" ]; then load_aoe_behind_router; else load_aoe; fi
find_disk "$disk"
device=/dev/etherd/$disk
say "found $disk, $(blockdev --getsz "$device") sectors"

must mkfs.ext4 -q -F "$device"
say "made ext4"
mkdir /mnt/disk
must mount "$device" /mnt/disk
# perl-base is on every Debian machine; the other file is larger than what the driver has on the way at once.
tree=$(echo /usr/lib/*/perl-base)
head -c 6000000 /dev/urandom >/run/large
(cd "$tree" && find . -type f -print0 | sort -z | xargs -0 sha256sum) >/run/tree.sums
sums=$(wc -l </run/tree.sums)
[ "$sums" -gt 50 ] || fail "only $sums files in $tree"
must cp -r "$tree" /mnt/disk/tree
must cp /run/large /mnt/disk/large
must umount /mnt/disk
say "copied $sums files"

must e2fsck -fn "$device"
say "checked"

# What was written must come back from the disk, not from this kernel's cache.
must blockdev --flushbufs "$device"
echo 3 >/proc/sys/vm/drop_caches
must mount "$device" /mnt/disk
cd /mnt/disk/tree || fail "no tree"
must sha256sum --quiet --strict -c /run/tree.sums
must cmp /run/large /mnt/disk/large
cd /
must umount /mnt/disk
say "compared $sums files"
finish PASS
