#!/bin/sh
# The story of vblade's README, told by a Linux kernel: a disk is found, formatted, mounted, written and read.
# Init of a user-mode Linux; run by scripts/demo.ts, which shows the lines that begin with "> ". Environment: mtu, disk.
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"

# typed COMMAND...: shows a command, and runs it.
typed() {
	echo "> # $*"
	must "$@"
}

: "${disk:?}"
device=/dev/etherd/$disk
echo "> this is Linux $(uname -r)"
echo "> # modprobe aoe"
load_aoe
find_disk "$disk"
echo "> $(dmesg | sed -n "s/.*\(aoe: .* $disk .*\)/\1/p" | tail -n 1)"
typed mkfs.ext4 -q "$device"
mkdir /mnt/disk
typed mount "$device" /mnt/disk
echo "> # echo hooray >/mnt/disk/test.txt"
echo hooray >/mnt/disk/test.txt || fail "can't write"
typed umount /mnt/disk
# Nothing of it may come from this kernel's memory.
must blockdev --flushbufs "$device"
echo 3 >/proc/sys/vm/drop_caches
typed mount "$device" /mnt/disk
echo "> # cat /mnt/disk/test.txt"
text=$(cat /mnt/disk/test.txt)
echo "> $text"
[ "$text" = hooray ] || fail "read back: $text"
typed umount /mnt/disk
finish PASS
