/**
 * Runs classic BPF programs as the kernel would (Linux Documentation/networking/filter.rst), so that filters can be tested
 * without one. Knows the instructions that filters of packet sockets commonly have, and checks a program as the kernel does
 * before it takes it.
 */

import type { BpfInstruction } from "../../lib/link/link.js";

/** What the kernel knows of a frame beside its bytes. */
export interface FrameMeta {
	/** PACKET_HOST 0, BROADCAST 1, MULTICAST 2, OTHERHOST 3, OUTGOING 4. */
	readonly packetType: number;
	readonly vlanTagged: boolean;
}

/** Bytes of the frame that the program keeps; 0 if it drops it. Throws for a program that the kernel would refuse. */
export function runBpf(program: readonly BpfInstruction[], frame: Uint8Array, meta: FrameMeta): number {
	check(program);
	let accumulator = 0;
	let at = 0;
	for (;;) {
		const { code, jt, jf, k } = program[at]!;
		at += 1;
		switch (code) {
			case 0x20:
			case 0x28:
			case 0x30: {
				const loaded = k >= 0xfffff000 ? ancillary(k, meta) : load(frame, k, { 32: 4, 40: 2, 48: 1 }[code]);
				if (loaded === undefined) return 0;
				accumulator = loaded;
				break;
			}
			case 0x54:
				accumulator = (accumulator & k) >>> 0;
				break;
			case 0x05:
				at += k;
				break;
			case 0x15:
				at += accumulator === k ? jt : jf;
				break;
			case 0x45:
				at += (accumulator & k) !== 0 ? jt : jf;
				break;
			case 0x06:
				return k;
			default:
				throw new Error(`unknown BPF instruction 0x${code.toString(16)}`);
		}
	}
}

function check(program: readonly BpfInstruction[]): void {
	if (program.length === 0 || program.length > 4096) throw new Error(`${program.length} instructions`);
	if (program.at(-1)?.code !== 0x06) throw new Error("the last instruction does not return");
	program.forEach(({ code, jt, jf, k }, index) => {
		for (const value of [jt, jf]) if (!(value >= 0 && value <= 255)) throw new Error(`jump of ${value}`);
		if (!(k >= 0 && k <= 0xffffffff)) throw new Error(`operand ${k}`);
		const furthest = code === 0x05 ? k : Math.max(jt, jf);
		if (index + 1 + furthest >= program.length && code !== 0x06)
			throw new Error(`jump out of the program at ${index}`);
	});
}

function ancillary(k: number, meta: FrameMeta): number {
	switch (k - 0xfffff000) {
		case 4:
			return meta.packetType;
		case 48:
			return meta.vlanTagged ? 1 : 0;
		default:
			throw new Error(`unknown ancillary load 0x${k.toString(16)}`);
	}
}

function load(frame: Uint8Array, at: number, width: number): number | undefined {
	if (at + width > frame.length) return undefined;
	let value = 0;
	for (let i = 0; i < width; i++) value = value * 256 + frame[at + i]!;
	return value;
}
