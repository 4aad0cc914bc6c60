#!/bin/sh
# What sg3-utils find of a disk over iSCSI, and what they do with it: identity, pages, modes, reservations, and what frees, repeats, copies and compares.
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

sg sg_write_same --10 --unmap --lba=128 --num=8 --in=/dev/zero --xferlen=512 "$device"
zero 128 || fail "what was freed is not zero"
! zero 136 || fail "more was freed"

# same A B: both have the same four blocks.
same() { [ "$(four "$1")" = "$(four "$2")" ]; }
four() { dd if="$device" bs=512 skip="$1" count=4 iflag=direct 2>/dev/null | sha256sum; }
! same 256 1024 || fail "it is there before it was copied"
# (It looks for the disk's number where udev would have put it.)
mkdir -p /dev/block
ln -s "$device" "/dev/block/$(cat "/sys/block/${device##*/}/dev")"
sg sg_xcopy if="$device" of="$device" skip=256 seek=1024 count=64 bs=512
for at in 0 60; do same $((256 + at)) $((1024 + at)) || fail "not what was copied"; done
! same 320 1088 || fail "more was copied"
sg sg_copy_results --params "$device"

dd if="$device" of=/run/block bs=512 skip=256 count=1 iflag=direct 2>/dev/null || fail "can't read"
cat /run/block /dev/zero | head -c 1024 >/run/both
sg sg_compare_and_write --lba=1024 --num=1 --xferlen=1024 --in=/run/both "$device"
zero 1024 || fail "it was equal, and is not written"
refused sg_compare_and_write --lba=1028 --num=1 --xferlen=1024 --in=/run/both "$device"
! zero 1028 || fail "it was not equal, and is written"

sg sg_wr_mode --page=8 --save --contents=08,12,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00,00 "$device"
sg sg_modes --page=8 "$device"

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
