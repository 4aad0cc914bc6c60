# What every guest script begins with: mounts, the port, Linux's AoE driver, and words to say how it went.
# Sourced by the scripts beside it, which run as init (process 1) of a user-mode Linux whose / is the host's, read-only.
# Environment, from the kernel's command line: mtu.
# shellcheck shell=sh
export PATH=/usr/sbin:/usr/bin:/sbin:/bin
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

# load_aoe: the driver, on our port.
load_aoe() {
	must ip link set vec0 mtu "${mtu:?}" up
	must busybox insmod "/usr/lib/uml/modules/$(uname -r)/kernel/drivers/block/aoe/aoe.ko"
}

# find_disk NAME: waits for the driver to find e<shelf>.<slot>.
find_disk() {
	await 10 [ -b "/dev/etherd/$1" ]
	queue="/sys/block/etherd!$1/queue"
	# With small frames this driver stalls, whatever the target, if it may take on more than its window.
	echo 64 >"$queue/max_sectors_kb"
	echo 4 >"$queue/nr_requests"
}
