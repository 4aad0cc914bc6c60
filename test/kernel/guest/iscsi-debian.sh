#!/bin/sh
# A file system on a disk over iSCSI, as Debian's kernel makes and uses it.
# Init of a virtual machine in QEMU, whose / is an initramfs; run by test/kernel/iscsi.long.ts. Environment: mtu, site (our address), portal, jobs and
# size (as in fio.sh).
/bin/busybox --install -s /bin
/bin/busybox mount -t devtmpfs dev /dev
# shellcheck source=test/kernel/guest/common.sh
. /guest/common.sh
# shellcheck source=test/kernel/guest/fio-jobs.sh
. /guest/fio-jobs.sh
# shellcheck source=test/kernel/guest/iscsi-common.sh
. /guest/iscsi-common.sh

iscsi_modules() {
	must modprobe sd_mod
	must modprobe iscsi_tcp
}

: "${size:?}"
must modprobe virtio_pci
must modprobe virtio_net
must ip link set lo up
must ip link set eth0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev eth0
grep -qw ext4 /proc/filesystems || must modprobe ext4
mkdir -p /etc/iscsi
# iscsid wants to know who asks.
echo "root:x:0:0::/:/bin/sh" >/etc/passwd
start_iscsi 120 15
# (The target tells the address at which it knows itself, which is another one out here.)
iscsi -m discovery -t sendtargets -p "${portal:?}"
target=$(cut -d' ' -f2 /run/iscsiadm)
iscsi -m node -o delete
iscsi -m node -o new -T "$target" -p "$portal,1"
iscsi -m node -T "$target" -p "$portal" --login
await 60 has_disk "$portal"
find_iscsi "$portal"
live_on ext4 "$device"
log_out
say "verified again $jobs"
finish PASS
