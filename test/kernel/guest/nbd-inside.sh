#!/bin/sh
# A disk of the daemon as a local block device: the daemon runs here, in the same kernel as its client, which is the driver of NBD, connected
# by a unix socket.
# Init of a user-mode Linux; run by test/kernel/nbd-cases.ts. Environment: vblade (the command, with commas for spaces), disk, filesystem, jobs
# and size (as in fio.sh).
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/fio-jobs.sh
. "${0%/*}/fio-jobs.sh"
# shellcheck source=test/kernel/guest/nbd-common.sh
. "${0%/*}/nbd-common.sh"

: "${vblade:?}" "${filesystem:?}" "${size:?}"
must ip link set lo up
socket=/run/nbd.sock
truncate -s 64M /run/disk.img
cat >/run/vblade.toml <<END
[daemon]
state = "/run/state"
[nbd]
listen = ["unix:$socket"]
[disk.$disk]
file = "/run/disk.img"
durability = "flush"
[disk.$disk.nbd]
END
command=$(echo "$vblade" | tr , ' ')
# shellcheck disable=SC2086 # a list of words
$command daemon --config /run/vblade.toml --socket /run/vblade.sock >/run/daemon.out 2>&1 &
daemon=$!

# served: the disk can be had.
served() {
	kill -0 $daemon 2>/dev/null || fail "the daemon: $(tail -n 20 /run/daemon.out)"
	[ -S "$socket" ] && grep -q "ready: 1 disk$" /run/daemon.out
}

await 100 served
say "the daemon serves"
load block/nbd
connect_nbd -b 512
live_on_nbd "$filesystem"
must kill $daemon
wait $daemon || fail "the daemon does not end well: $(tail -n 20 /run/daemon.out)"
# The file alone has it all.
check "$filesystem" /run/disk.img
say "the file has it all"
finish PASS
