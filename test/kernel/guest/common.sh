# What every guest script begins with: mounts, the ports, Linux's AoE driver, and words to say how it went.
# Sourced by the scripts beside it, which run as init (process 1) of a user-mode Linux whose / is the host's, read-only, or,
# debian.sh, of a virtual machine.
# Environment, from the kernel's command line: mtu, and where wanted limits (see find_disk).
# shellcheck shell=sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/run TMPDIR=/run
mount -t proc proc /proc
mount -t sysfs sys /sys
mount -t tmpfs tmpfs /run
mount -t tmpfs tmpfs /mnt

# say WORDS: one line on the console, with the seconds since boot.
say() { echo "[$(cut -d' ' -f1 /proc/uptime)] $*"; }

# finish RESULT: the last line, which the test looks for, and power off.
finish() {
	echo "RESULT $*"
	exec busybox poweroff -f
}

fail() {
	dmesg | tail -n 20
	finish "FAIL: $*"
}

# must COMMAND...: runs it, and ends the guest if it fails.
must() { "$@" || fail "$*"; }

# await SECONDS COMMAND...: until COMMAND succeeds.
await() {
	tries=$(($1 * 20))
	shift
	until "$@"; do
		tries=$((tries - 1))
		[ $tries -gt 0 ] || fail "not in time: $*"
		sleep 0.05
	done
}

# load MODULE [PARAMETER...]: a module, named by its path among the kernel's drivers.
load() {
	module=$1
	shift
	must busybox insmod "/usr/lib/uml/modules/$(uname -r)/kernel/drivers/$module.ko" "$@"
}

# load_aoe [PARAMETER...]: the driver, on all of our ports.
load_aoe() {
	for port in /sys/class/net/vec*; do
		must ip link set "${port##*/}" mtu "${mtu:?}" up
	done
	load block/aoe/aoe "$@"
}

# load_aoe_behind_router: the driver, on a tunnel to the server alone, which is at $server; we are at $site, behind $router.
load_aoe_behind_router() {
	must ip link set vec0 mtu "${mtu:?}" up
	must ip address add "${site:?}/24" dev vec0
	must ip route add default via "${router:?}"
	for module in lib/crc-ccitt net/ipv6/ipv6 net/ipv4/ip_tunnel net/ipv4/gre net/ipv4/ip_gre; do load "../$module"; done
	must ip link add aoe0 type gretap local "$site" remote "${server:?}"
	must ip link set aoe0 up
	say "tunnel of MTU $(cat /sys/class/net/aoe0/mtu)"
	load block/aoe/aoe aoe_iflist=aoe0
}

# discovered NAME: true if the driver has found the disk; else it asks for it again, as both question and answer may be lost.
discovered() {
	[ ! -b "/dev/etherd/$1" ] || return 0
	echo >/dev/etherd/discover
	sleep 0.2
	return 1
}

# find_disk NAME: waits for the driver to find e<shelf>.<slot>.
find_disk() {
	await 10 discovered "$1"
	# With small frames this driver stalls, whatever the target, if it may take on more than its window.
	if [ "${limits:-yes}" = yes ]; then
		queue="/sys/block/etherd!$1/queue"
		echo 64 >"$queue/max_sectors_kb"
		echo 4 >"$queue/nr_requests"
	fi
}

# forget DEVICE: what is read next must come from the disk, not from this kernel's memory.
forget() {
	must blockdev --flushbufs "$1"
	echo 3 >/proc/sys/vm/drop_caches
}

# make FILESYSTEM DEVICE: ext4 or xfs.
make() {
	case $1 in
	xfs) must mkfs.xfs -q -f "$2" ;;
	*) must mkfs.ext4 -q -F "$2" ;;
	esac
}

# check FILESYSTEM DEVICE: changes nothing.
check() {
	case $1 in
	xfs) xfs_repair -n "$2" >/run/check 2>&1 || fail "xfs_repair: $(tail -n 20 /run/check)" ;;
	*) e2fsck -fn "$2" >/run/check 2>&1 || fail "e2fsck: $(tail -n 20 /run/check)" ;;
	esac
}

# mount_new DISK FILESYSTEM: finds the disk and mounts a new file system of it at /mnt/disk. It is $device from then on.
mount_new() {
	find_disk "$1"
	device=/dev/etherd/$1
	make "$2" "$device"
	must mkdir /mnt/disk
	must mount "$device" /mnt/disk
}

# mount_again FILESYSTEM: checks it, and mounts it with what is on the disk alone.
mount_again() {
	must umount /mnt/disk
	check "$1" "$device"
	forget "$device"
	must mount "$device" /mnt/disk
}

# no_errors: not one request may have failed.
no_errors() {
	! dmesg | grep -E "I/O error|Buffer I/O|device (lost|failed)|EXT4-fs error|XFS.*(error|orrupt)" || fail "the kernel saw errors"
}
