# Disks over iSCSI, by the kernel's initiator and open-iscsi's programs, whose database is in memory. Sourced by guest scripts after common.sh.
# shellcheck shell=sh

# start_iscsi SECONDS PING: the driver and iscsid, which keeps what is read or written waiting for so long when a connection is lost, and which waits for
# the answer to a ping for PING seconds.
start_iscsi() {
	must mount -t tmpfs tmpfs /etc/iscsi
	mkdir -p /run/lock/iscsi
	echo "InitiatorName=iqn.2026-01.test.guest:kernel" >/etc/iscsi/initiatorname.iscsi
	cat >/etc/iscsi/iscsid.conf <<END
node.startup = manual
node.session.timeo.replacement_timeout = $1
node.conn[0].timeo.noop_out_interval = $2
node.conn[0].timeo.noop_out_timeout = $2
node.conn[0].iscsi.HeaderDigest = ${digests:-None}
node.conn[0].iscsi.DataDigest = ${digests:-None}
END
	iscsi_modules
	iscsid -f >/run/iscsid 2>&1 &
	await 20 grep -q @ISCSIADM /proc/net/unix
}

# iscsi_modules: the driver and what it needs, in that order. (Another kernel has another way to find them.)
iscsi_modules() {
	for module in lib/crc64 lib/crc64-rocksoft block/t10-pi; do load "../$module"; done
	for module in scsi_common scsi_mod sd_mod scsi_transport_iscsi libiscsi libiscsi_tcp iscsi_tcp; do load "scsi/$module"; done
}

# iscsi ARGUMENT...: iscsiadm, quiet unless it fails.
iscsi() { iscsiadm "$@" >/run/iscsiadm 2>&1 || fail "iscsiadm $*: $(cat /run/iscsiadm /run/iscsid)"; }

# log_in PORTAL...: to all targets that are there, by each portal.
log_in() {
	for portal; do iscsi -m discovery -t sendtargets -p "$portal"; done
	iscsi -m node --login
	for portal; do await 20 has_disk "$portal"; done
}

# disks_at PORTAL: names of the disks by that portal, such as sda.
disks_at() {
	for session in /sys/class/iscsi_session/session*; do
		connection=/sys/class/iscsi_connection/connection${session##*session}:0
		[ "$(cat "$connection/persistent_address"):$(cat "$connection/persistent_port")" = "$1" ] || continue
		for disk in "$session"/device/target*/*/block/*; do [ ! -e "$disk" ] || echo "${disk##*/}"; done
	done
}

has_disk() {
	disk=$(disks_at "$1" | head -n 1)
	[ -n "$disk" ] && [ -b "/dev/$disk" ] && [ "$(cat "/sys/block/$disk/size")" -gt 0 ]
}

# find_iscsi PORTAL: the first disk there, which is $device from then on.
find_iscsi() {
	device=/dev/$(disks_at "$1" | head -n 1)
	say "found it, $(blockdev --getsz "$device") sectors"
}

log_out() {
	iscsi -m node --logout
	say "logged out"
}
