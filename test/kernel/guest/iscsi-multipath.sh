# One device of all paths to a disk over iSCSI, as dm-multipath has them, and in a loop of our own what multipathd does elsewhere: who is not logged in
# by a portal logs in there, a disk that is found is one more path, and a path that has failed and can be read again is used again. Sourced by guest
# scripts after iscsi-common.sh.
# shellcheck shell=sh

# identity DISK: what VPD page 83 says, as the kernel has read it.
identity() { od -An -tx1 -v "/sys/block/$1/device/vpd_pg83" | tr -d ' \n'; }
number() { cat "/sys/block/$1/dev"; }

# table DISK...: for dmsetup, if they are one.
table() {
	for disk; do [ "$(identity "$disk")" = "$wwid" ] || fail "by another path the disk has another identity: $(identity "$disk"), not $wwid"; done
	echo "0 $(cat "/sys/block/$1/size") multipath 1 queue_if_no_path 0 1 1 round-robin 0 $# 1 $(for disk; do printf '%s 1 ' "$(number "$disk")"; done)"
}

# start_paths PORTAL...: the device is /dev/mapper/paths, of those that are there by now; what becomes of each path is in /run/paths.
start_paths() {
	for module in dm-mod dm-multipath dm-round-robin; do load "md/$module"; done
	disks=$(found "$@")
	wwid=$(identity "${disks%% *}")
	[ -n "$wwid" ] || fail "the disk has no identity"
	# shellcheck disable=SC2086 # names of disks
	table $disks | dmsetup create --noudevsync paths || fail "no device of paths"
	dmsetup mknodes paths
	keep_paths "$@" &
}

# found PORTAL...: the disks by these, with blanks between them.
found() { for portal; do disks_at "$portal"; done | tr '\n' ' '; }

# join PORTAL: logs in there, if anybody lets us.
join() {
	iscsiadm -m discovery -t sendtargets -p "$1" && iscsiadm -m node -p "$1" --login
} >/run/join 2>&1

keep_paths() {
	used=$(found "$@")
	while sleep 0.5; do
		for portal; do [ -n "$(disks_at "$portal")" ] || join "$portal"; done
		now=$(found "$@")
		if [ "$now" != "$used" ]; then
			# shellcheck disable=SC2086 # names of disks
			table $now | dmsetup reload paths && dmsetup suspend --noflush --nolockfs paths && dmsetup resume --noudevsync paths && used=$now && echo "paths: $now" >>/run/paths
		fi
		for disk in $used; do
			dmsetup status paths | grep -q "$(number "$disk") F" || continue
			dd if="/dev/$disk" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null || continue
			dmsetup message paths 0 reinstate_path "$(number "$disk")" && echo "$disk is there again" >>/run/paths
		done
	done
}

# no_errors_of_paths: what failed by one path has not failed for whoever uses the device.
no_errors_of_paths() {
	! dmesg | grep -E "I/O error, dev dm|Buffer I/O|EXT4-fs error" || fail "the kernel saw errors"
}
