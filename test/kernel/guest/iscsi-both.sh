#!/bin/sh
# Two hosts that serve a disk of one pool over iSCSI at the same time, as sg3-utils and the kernel see them: two groups of ports, and reservations, writes and
# what compares and writes by either. Init of a user-mode Linux; run by test/kernel/iscsi-both.test.ts. Environment: mtu, site, servers (both with a comma between them), port.
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
start_iscsi 120 15
load scsi/sg
first=${servers%,*}:${port:?} second=${servers#*,}:$port
log_in "$first" "$second"
one=/dev/$(disks_at "$first") two=/dev/$(disks_at "$second")
[ -b "$one" ] && [ -b "$two" ] && [ "$one" != "$two" ] || fail "not one disk by each host: $one $two"

# sg PROGRAM ARGUMENT...: it must end well; what it says is in /run/sg. (What each path is told first, that it has moved, say, is asked for before.)
sg() {
	for disk in "$one" "$two"; do for _ in 1 2 3 4 5; do sg_turs "$disk" >/dev/null 2>&1 && break; done; done
	"$@" >/run/sg 2>&1 || fail "$*: $(cat /run/sg)"
	say "$*: $(head -n 1 /run/sg)"
}

# refused PROGRAM ARGUMENT...: since it is reserved.
refused() {
	! "$@" >/run/sg 2>&1 || fail "$* was done"
	grep -q "eservation [Cc]onflict" /run/sg || fail "$*: $(cat /run/sg)"
}

# Each path has its own registration, as mpathpersist makes them.
sg sg_persist --out --register --param-sark=0x11 "$one"
sg sg_persist --out --register --param-sark=0x12 "$two"
# (What the other host is called is known when it has had the pool.)
for disk in "$one" "$two"; do
	sg sg_rtpg --decode "$disk"
	[ "$(grep -c "target port group id" /run/sg)" = 2 ] || fail "not two groups: $(cat /run/sg)"
	[ "$(grep -c "active/optimized" /run/sg)" = 1 ] || fail "not one that is best: $(cat /run/sg)"
done
sg sg_persist --in --read-keys "$one"
for key in 0x11 0x12; do grep -q $key /run/sg || fail "$key is not there: $(cat /run/sg)"; done
sg sg_persist --in --read-full-status "$two"
[ "$(grep -c "Relative port" /run/sg)" = 2 ] || fail "not both: $(cat /run/sg)"
sg sg_persist --out --reserve --param-rk=0x12 --prout-type=5 "$two"
for disk in "$one" "$two" "$one"; do
	sg dd if=/dev/urandom of="$disk" bs=4096 count=16 oflag=direct
done
sg sg_persist --out --register --param-rk=0x11 --param-sark=0 "$one"
refused sg_write_same --10 --lba=64 --num=8 --in=/dev/zero --xferlen=512 "$one"
sg dd if=/dev/urandom of="$two" bs=4096 count=16 oflag=direct
sg sg_persist --out --clear --param-rk=0x12 "$two"

# What compares and writes, too.
for disk in "$one" "$two"; do
	dd if="$disk" of=/run/block bs=512 skip=8 count=1 iflag=direct 2>/dev/null || fail "can't read"
	cat /run/block /dev/urandom | head -c 1024 >/run/both
	sg sg_compare_and_write --lba=8 --num=1 --xferlen=1024 --in=/run/both "$disk"
	[ "$(tail -c 512 /run/both | sha256sum)" = "$(dd if="$two" bs=512 skip=8 count=1 iflag=direct 2>/dev/null | sha256sum)" ] || fail "it is not there"
done
log_out
say "all is well"
finish PASS
