#!/bin/sh
# File systems on disks behind AoE, as Debian's kernel makes, loads and compares them: the first on e9.0, the next on e9.1.
# Init of a virtual machine in QEMU, whose / is an initramfs; run by test/kernel/qemu.long.ts. Environment:
# mtu, limits, filesystems ("ext4 xfs"), jobs and size (as in fio.sh).
/bin/busybox --install -s /bin
/bin/busybox mount -t devtmpfs dev /dev
# shellcheck source=test/kernel/guest/common.sh
. /guest/common.sh
# shellcheck source=test/kernel/guest/fio-jobs.sh
. /guest/fio-jobs.sh

# try_out FILESYSTEM DISK: its whole life.
try_out() {
	find_disk "$2"
	device=/dev/etherd/$2
	say "found $2, $(blockdev --getsz "$device") sectors"
	make "$1" "$device"
	must mount -t "$1" "$device" /mnt/disk
	run_fio /run/fio.job
	say "fio wrote and verified $jobs on $1"
	must cp /run/random /mnt/disk/random
	must umount /mnt/disk
	forget "$device"
	must mount -t "$1" "$device" /mnt/disk
	cd /mnt/disk || fail "no $1"
	must sha256sum -c /run/random.sum
	cd /
	must umount /mnt/disk
	say "compared on $1"
}

must modprobe virtio_pci
must modprobe virtio_net
must ip link set eth0 mtu "${mtu:?}" up
must modprobe aoe
mkdir /mnt/disk
head -c 300000 /dev/urandom >/run/random
(cd /run && sha256sum random >random.sum)
fio_options >/run/fio.job
fio_jobs "${jobs:?}" "directory=/mnt/disk" >>/run/fio.job
slot=0
for filesystem in ${filesystems:?}; do
	grep -qw "$filesystem" /proc/filesystems || must modprobe "$filesystem"
	try_out "$filesystem" "e9.$slot"
	slot=$((slot + 1))
done
no_errors
finish PASS
