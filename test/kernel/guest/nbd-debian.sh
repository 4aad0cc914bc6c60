#!/bin/sh
# A file system on a disk over NBD, as Debian's kernel makes and uses it, over several connections of TCP.
# Init of a virtual machine in QEMU, whose / is an initramfs; run by test/kernel/nbd.long.ts. Environment: mtu, site (our address), server, port,
# streams (connections), jobs and size (as in fio.sh).
/bin/busybox --install -s /bin
/bin/busybox mount -t devtmpfs dev /dev
# shellcheck source=test/kernel/guest/common.sh
. /guest/common.sh
# shellcheck source=test/kernel/guest/fio-jobs.sh
. /guest/fio-jobs.sh
# shellcheck source=test/kernel/guest/nbd-common.sh
. /guest/nbd-common.sh

: "${streams:?}" "${size:?}"
must modprobe virtio_pci
must modprobe virtio_net
must ip link set eth0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev eth0
must modprobe nbd
grep -qw ext4 /proc/filesystems || must modprobe ext4
connect_nbd -b 512 -C "$streams"
live_on_nbd ext4
finish PASS
