# Disks over NBD, by the kernel's driver. Sourced by guest scripts after common.sh and fio-jobs.sh.
# shellcheck shell=sh

# connect_nbd ARGUMENT...: to the server at $server and $port, or at the unix socket $socket, for its export $disk or its default one, which is
# $device from then on.
connect_nbd() {
	device=/dev/nbd0
	if [ -n "${socket:-}" ]; then set -- -unix "$socket" "$device" "$@"; else set -- "${server:?}" "${port:?}" "$device" "$@"; fi
	[ -z "${disk:-}" ] || set -- "$@" -N "$disk"
	nbd-client "$@" >/run/nbd-client 2>&1 || fail "nbd-client: $(tail -n 5 /run/nbd-client)"
	await 10 has_sectors
	say "found it, $(blockdev --getsz "$device") sectors"
}

# has_sectors: the kernel knows how large the disk is.
has_sectors() { [ "$(cat "/sys/block/${device##*/}/size")" -gt 0 ]; }

# live_on_nbd FILESYSTEM: its whole life on $device, which is disconnected then.
live_on_nbd() {
	live_on "$1" "$device"
	must nbd-client -d "$device" >/run/nbd-client 2>&1
	say "verified again $jobs"
}
