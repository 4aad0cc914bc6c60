#!/bin/sh
# What sg3-utils find of a disk over iSCSI, and what they do with it: identity, pages, modes, reservations, and what frees and what repeats.
# Init of a user-mode Linux; run by test/kernel/iscsi-cases.ts. Environment: mtu, site, portal.
# shellcheck source=test/kernel/guest/common.sh
. "${0%/*}/common.sh"
# shellcheck source=test/kernel/guest/iscsi-common.sh
. "${0%/*}/iscsi-common.sh"

must ip link set vec0 mtu "${mtu:?}" up
must ip address add "${site:?}/24" dev vec0
start_iscsi 120 15
load scsi/sg
log_in "${portal:?}"
find_iscsi "$portal"

# sg PROGRAM ARGUMENT...: it must end well; what it says is in /run/sg, and on the console.
sg() {
	"$@" >/run/sg 2>&1 || fail "$*: $(cat /run/sg)"
	say "$*: $(head -n 1 /run/sg)"
}

# refused PROGRAM ARGUMENT...: it must not.
refused() { ! "$@" >/run/sg 2>&1 || fail "$* was done"; }

# zero BLOCK: 512 zeros are there.
zero() { [ -z "$(dd if="$device" bs=512 skip="$1" count=1 iflag=direct 2>/dev/null | tr -d '\0')" ]; }

sg sg_inq "$device"
for page in sv sn di bl bdc lbpv; do sg sg_vpd --page="$page" "$device"; done
sg sg_luns "$device"
sg sg_modes -a "$device"
sg sg_opcodes "$device"
sg sg_readcap --16 "$device"
sg sg_rtpg "$device"
sg sg_turs "$device"
sg sg_requests "$device"
sg sg_sync "$device"
sg sg_verify --lba=0 --count=16 "$device"

dd if=/dev/urandom of="$device" bs=4096 count=64 oflag=direct 2>/dev/null || fail "can't write"
sg sg_unmap --lba=0 --num=16 --force "$device"
zero 8 || fail "what was unmapped is not zero"
! zero 16 || fail "more was unmapped"
sg sg_get_lba_status --lba=0 "$device"
sg sg_write_same --10 --lba=64 --num=8 --in=/dev/zero --xferlen=512 "$device"
zero 64 || fail "what was written is not zero"
sg sg_write_same --16 --ndob --lba=80 --num=8 --xferlen=0 "$device"
zero 80 || fail "what was written without data is not zero"

sg sg_persist --out --register --param-sark=0x1 "$device"
sg sg_persist --out --reserve --param-rk=0x1 --prout-type=3 "$device"
sg sg_persist --in --read-keys "$device"
grep -q 0x1 /run/sg || fail "the key is not told"
sg sg_persist --in --read-reservation "$device"
refused sg_persist --out --release --param-rk=0x2 --prout-type=3 "$device"
sg sg_persist --out --release --param-rk=0x1 --prout-type=3 "$device"
sg sg_persist --out --clear --param-rk=0x1 "$device"
log_out
say "all is well"
finish PASS
