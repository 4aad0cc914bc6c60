/**
 * A small assembler for classic BPF, the language of packet filters in the kernel (Linux Documentation/networking/
 * filter.rst). Used by whoever writes a filter (`lib/aoe/filter.ts`); its programs go to `Link.setFilter`.
 *
 * A program looks at one frame, byte 0 of which is the first of the destination address, with one register: load a field,
 * compare, jump forward, and in the end return how many bytes of the frame to keep, 0 for none. A load beyond the end of the
 * frame ends the program with 0.
 */

import { invariant } from "../errors.js";
import type { BpfInstruction } from "./link.js";

/** Operation codes: class | size or operation | mode. */
const LOAD_WORD = 0x20;
const LOAD_HALF = 0x28;
const LOAD_BYTE = 0x30;
const JUMP_EQUAL = 0x15;
const JUMP_SET = 0x45;
const AND = 0x54;
const RETURN = 0x06;

/** Loads from these "addresses" give what the kernel knows of a frame beside its bytes (SKF_AD_* of linux/filter.h). */
export const BpfAncillary = {
	/** Who the frame is for: see `PacketType`. */
	packetType: 0xfffff004,
	/** 1 if the frame came with a VLAN tag, which the kernel has already taken off its bytes. */
	vlanTagPresent: 0xfffff030,
} as const;

/** PACKET_* of linux/if_packet.h. */
export const PacketType = { host: 0, broadcast: 1, multicast: 2, otherHost: 3, outgoing: 4 } as const;

/** Returned by a filter to keep the whole frame. */
export const BPF_KEEP_ALL = 0x40000;

/** Where to go on; without a label, at the next instruction. */
export interface BpfTargets {
	readonly yes?: string;
	readonly no?: string;
}

interface Pending {
	readonly code: number;
	readonly k: number;
	readonly targets: BpfTargets;
}

/** Write instructions in order, name places with `label`, then `assemble`. Every method but the last returns the program. */
export class BpfProgram {
	readonly #code: Pending[] = [];
	readonly #labels = new Map<string, number>();

	/** Loads 32 bits in network byte order from a byte offset, or one of `BpfAncillary`. */
	loadWord(offset: number): this {
		return this.#add(LOAD_WORD, offset);
	}

	/** Loads 16 bits in network byte order. */
	loadHalf(offset: number): this {
		return this.#add(LOAD_HALF, offset);
	}

	loadByte(offset: number): this {
		return this.#add(LOAD_BYTE, offset);
	}

	/** Keeps those bits of what was loaded that `bits` has. */
	and(bits: number): this {
		return this.#add(AND, bits);
	}

	/** Compares what was loaded with `value`. */
	ifEqual(value: number, targets: BpfTargets): this {
		return this.#add(JUMP_EQUAL, value, targets);
	}

	/** Tests whether any bit of `bits` is set in what was loaded. */
	ifSet(bits: number, targets: BpfTargets): this {
		return this.#add(JUMP_SET, bits, targets);
	}

	/** Ends the program: keep `bytes` bytes of the frame. */
	return(bytes: number): this {
		return this.#add(RETURN, bytes);
	}

	/** The next instruction is called `name`. */
	label(name: string): this {
		invariant(!this.#labels.has(name), `BPF label ${name} given twice`);
		this.#labels.set(name, this.#code.length);
		return this;
	}

	assemble(): BpfInstruction[] {
		return this.#code.map(({ code, k, targets }, index) => ({
			code,
			jt: this.#distance(index, targets.yes),
			jf: this.#distance(index, targets.no),
			k,
		}));
	}

	#add(code: number, k: number, targets: BpfTargets = {}): this {
		this.#code.push({ code, k, targets });
		return this;
	}

	/** Instructions to skip from `index` to a label. The machine can jump forward only, and at most 255 instructions. */
	#distance(index: number, label: string | undefined): number {
		if (label === undefined) return 0;
		const place = this.#labels.get(label);
		invariant(place !== undefined && place < this.#code.length, `BPF label ${label} is nowhere`);
		const distance = place - index - 1;
		invariant(distance >= 0 && distance <= 255, `BPF label ${label} is out of reach`);
		return distance;
	}
}

/** As an array of `struct sock_filter`: code (16 bits), jt, jf, k (32 bits), in the machine's byte order. */
export function encodeBpf(program: readonly BpfInstruction[]): Uint8Array {
	const bytes = new Uint8Array(program.length * 8);
	const halves = new Uint16Array(bytes.buffer);
	const words = new Uint32Array(bytes.buffer);
	for (const [index, instruction] of program.entries()) {
		halves[index * 4] = instruction.code;
		bytes[index * 8 + 2] = instruction.jt;
		bytes[index * 8 + 3] = instruction.jf;
		words[index * 2 + 1] = instruction.k;
	}
	return bytes;
}
