# A boot sector: says that it runs, reads sectors, prints the text at their beginning, turns all their bits over, writes them
# elsewhere, and ends QEMU with a status. Put into a disk by test/kernel/boot-disk.ts, which assembles it with these symbols:
# READ_LBA and WRITE_LBA, and SECTORS, how many. Where there are PLACES, it reads that many sectors first, each STEP behind the one before, from FIRST_LBA on, of which each begins
# with its number. With OWN the first 16 bytes that it writes are the machine's UUID, as QEMU tells it.
#
# The BIOS, or what stands in for it, loads it to 0x7c00 and calls it in real mode with the drive's number in DL. Disk access
# by the extensions of interrupt 13h (EDD), text to the first serial port, status to QEMU's isa-debug-exit at 0xf4.

	.set	SERIAL_DATA, 0x3f8
	.set	SERIAL_STATUS, 0x3fd
	.set	SERIAL_READY, 0x20
	.set	EXIT_PORT, 0xf4
	.set	BUFFER, 0x8000
	# QEMU's fw_cfg: a key is written to the first port, bytes are read from the next.
	.set	FW_CFG_PORT, 0x510
	.set	FW_CFG_UUID, 2
	.set	EDD_READ, 0x42
	.set	EDD_WRITE, 0x43
	# QEMU's exit status is twice this plus one.
	.set	EXIT_GOOD, 0x10
	.set	EXIT_BAD, 0x11

	.code16
	.globl	_start
_start:
	cli
	xorw	%ax, %ax
	movw	%ax, %ds
	movw	%ax, %es
	movw	%ax, %ss
	movw	$_start, %sp
	sti
	cld
	ljmp	$0, $begin

begin:
	movb	%dl, drive
	movw	$booted, %si
	call	print

	.ifdef	PLACES
	movw	$1, packet + 2
	movl	$FIRST_LBA, lba
	xorw	%bp, %bp
place:
	movb	$EDD_READ, %ah
	pushw	%bp
	call	transfer
	popw	%bp
	cmpw	%bp, BUFFER
	jne	failed
	addl	$STEP, lba
	incw	%bp
	cmpw	$PLACES, %bp
	jne	place
	movw	$SECTORS, packet + 2
	movl	$READ_LBA, lba
	movw	$been, %si
	call	print
	.endif

	movb	$EDD_READ, %ah
	call	transfer
	movw	$BUFFER, %si
	call	print

	movw	$BUFFER, %si
	movw	$SECTORS * 512, %cx
turn:
	notb	(%si)
	incw	%si
	loop	turn

	.ifdef	OWN
	movw	$FW_CFG_PORT, %dx
	movw	$FW_CFG_UUID, %ax
	outw	%ax, %dx
	incw	%dx
	movw	$BUFFER, %di
	movw	$16, %cx
	rep	insb
	.endif

	movl	$WRITE_LBA, lba
	movb	$EDD_WRITE, %ah
	call	transfer
	movw	$written, %si
	call	print
	movb	$EXIT_GOOD, %al
exit:
	outb	%al, $EXIT_PORT
halt:
	hlt
	jmp	halt

# Reads or writes what the packet says; a failure is the end.
transfer:
	movw	$packet, %si
	movb	drive, %dl
	xorb	%al, %al
	int	$0x13
	jc	failed
	ret
failed:
	movw	$trouble, %si
	call	print
	movb	$EXIT_BAD, %al
	jmp	exit

# Prints the text at SI up to its zero byte.
print:
	lodsb
	testb	%al, %al
	jz	printed
	movb	%al, %bl
	movw	$SERIAL_STATUS, %dx
wait:
	inb	%dx, %al
	testb	$SERIAL_READY, %al
	jz	wait
	movb	%bl, %al
	movw	$SERIAL_DATA, %dx
	outb	%al, %dx
	jmp	print
printed:
	ret

drive:	.byte	0
# Disk address packet: size, reserved, sectors, offset and segment of the buffer, LBA.
	.balign	4
packet:	.byte	16, 0
	.word	SECTORS, BUFFER, 0
lba:	.quad	READ_LBA

	.ifdef	PLACES
been:	.asciz	"\r\nhas been everywhere\r\n"
	.endif
booted:	.asciz	"\r\nbooted\r\n"
written: .asciz	"\r\nwritten\r\n"
trouble: .asciz	"\r\nthe disk failed\r\n"

	.org	510
	.word	0xaa55
