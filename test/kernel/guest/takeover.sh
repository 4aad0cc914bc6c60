#!/bin/sh
# A file system on a disk of a pool in an object store, while the hosts that have the pool are killed and stopped, and others go on: fio writes and verifies round
# after round, nothing fails, and all is there when the file system was checked and mounted anew.
# Init of a user-mode Linux, or of a virtual machine; run by test/kernel/takeover-cases.ts. Environment: mtu, limits, over (aoe, nbd or iscsi), disk (its address, or the name of the
# export), jobs (see fio.sh), size, rate (operations a second), enough (path of a file: the host's word that it was enough; if not given, a line on the console), and for nbd and iscsi
# site (our address), servers, port, for nbd streams (connections).
if [ -d /guest ]; then
	/bin/busybox --install -s /bin
	/bin/busybox mount -t devtmpfs dev /dev
fi
# shellcheck source=test/kernel/guest/common.sh
. "$([ -d /guest ] && echo /guest || echo "${0%/*}")/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "$([ -d /guest ] && echo /guest || echo "${0%/*}")/fio-jobs.sh"

: "${over:?}" "${disk:?}" "${jobs:?}" "${size:?}" "${rate:?}"

# How long nobody may have the disk, and how long a server may take that is connected.
AWAY_S=120
ANSWERS_S=4

if [ -d /guest ]; then
	must modprobe virtio_pci
	must modprobe virtio_net
	must ip link set eth0 mtu "${mtu:?}" up
	must modprobe aoe
	grep -qw ext4 /proc/filesystems || must modprobe ext4
	enough=/run/enough
	{ read -r _ </dev/ttyS0 && : >$enough; } &
	find_disk "$disk"
	device=/dev/etherd/$disk
elif [ "$over" = aoe ]; then
	load_aoe
	find_disk "$disk"
	device=/dev/etherd/$disk
elif [ "$over" = iscsi ]; then
	# shellcheck source=test/kernel/guest/iscsi-common.sh
	. "${0%/*}/iscsi-common.sh"
	# shellcheck source=test/kernel/guest/iscsi-multipath.sh
	. "${0%/*}/iscsi-multipath.sh"
	must ip link set vec0 mtu "${mtu:?}" up
	must ip address add "${site:?}/24" dev vec0
	start_iscsi 2 3
	# Who has not got the disk is asked again soon, by whoever keeps the paths.
	printf 'node.session.initial_login_retry_max = 1\nnode.conn[0].timeo.login_timeout = 3\n' >>/etc/iscsi/iscsid.conf
	first=${servers%,*}:${port:?} second=${servers#*,}:$port
	log_in "$first"
	start_paths "$first" "$second"
	device=/dev/mapper/paths
else
	must ip link set vec0 mtu "${mtu:?}" up
	must ip address add "${site:?}/24" dev vec0
	load block/nbd
	device=/dev/nbd0
	python3 "${0%/*}/nbd-keep.py" "${servers:?}" "${port:?}" "$disk" 0 "${streams:?}" $AWAY_S $ANSWERS_S >/run/keep 2>&1 &
	await 20 grep -q connected /run/keep
fi
make ext4 "$device"
mkdir /mnt/disk
must mount "$device" /mnt/disk
write_rounds
mount_again ext4
verify_last_round
must umount /mnt/disk
case $over in
nbd) grep -q again /run/keep || fail "it was never connected again: $(cat /run/keep)" ;;
iscsi) grep -q "paths: .* ." /run/paths || fail "the other host never had it: $(cat /run/paths /run/join)" ;;
esac
if [ "$over" = iscsi ]; then no_errors_of_paths; else no_errors; fi
say "verified"
finish PASS
