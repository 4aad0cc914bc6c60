/**
 * Fuzzed frames by the million, a family of commands at a time: structured at random (every field a value that may come, and
 * now and then one that hurts), or sessions of an initiator that make sense, with their frames mutated. Plain and fast where
 * `frames.ts` is made for shrinking; the same seed gives the same frames. Used by `storm.ts`.
 */

import type { Random } from "../../lib/random.js";
import {
	aoeFrame,
	ataFrame,
	BROADCAST,
	configFrame,
	type FrameHeader,
	maskFrame,
	reserveFrame,
} from "../support/frames.js";
import { ADDRESSES, BUSY, DISK_SECTORS, INITIATORS, LOCKED, stamped } from "./stamps.js";

/** Where the frames go, and how long they may be. */
export interface Aim {
	/** MAC address of the target. */
	readonly target: string;
	readonly mtu: number;
}

/** ATA commands by group, the other commands of AoE, codes that nobody knows, and whatever is sent to all. */
export const FAMILY_NAMES = [
	"transfer",
	"verify",
	"trim",
	"smart",
	"settings",
	"anyAta",
	"config",
	"mask",
	"reserve",
	"vendor",
	"broadcast",
] as const;
export type Family = (typeof FAMILY_NAMES)[number];

type Maker = (random: Random, header: FrameHeader, owner: number, aim: Aim) => Buffer;

const READS = [0x20, 0x24, 0x25, 0xc8, 0xc4, 0x29] as const;
const WRITES = [0x30, 0x34, 0x35, 0xca, 0xc5, 0x39, 0x3d, 0xce] as const;
const EXTENDED: readonly number[] = [0x24, 0x25, 0x29, 0x34, 0x35, 0x39, 0x3d, 0xce, 0x42, 0xea];
const SETTINGS = [0xec, 0xef, 0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0xe6, 0xc6, 0xf8, 0x27, 0x90, 0x00] as const;
const SENDERS = [INITIATORS[0], INITIATORS[1], INITIATORS[2]] as const;
/** For lists: the initiators, a stranger, and a group address. */
const MACS = [...SENDERS, "02:00:00:00:00:dd", "ff:ff:ff:ff:ff:ff"] as const;

function byte(random: Random): number {
	return random.below(256);
}

function lba(random: Random): number {
	if (random.chance(0.85)) return random.below(DISK_SECTORS - 8);
	if (random.chance(0.7)) return DISK_SECTORS - 3 + random.below(6);
	return random.pick([0x0fffffff, 0x10000000, 0xe0000000, 0xffffffff, 2 ** 48 - 1, 0xc24f01, 0]);
}

function generation(random: Random): number {
	return random.below(0x7fffffff);
}

/** As many bytes of the sender's as there should be, or a few more or less. */
function data(random: Random, owner: number, sectors: number, { mtu }: Aim): Buffer {
	const more = random.chance(0.9) ? 0 : random.pick([-512, -1, 1, 511, 512]);
	const bytes = Math.max(0, Math.min(sectors * 512 + more, mtu - 22));
	return stamped(owner, generation(random), bytes);
}

/** A list of addresses, mostly short. */
function macs(random: Random): string[] {
	const most = random.chance(0.02) ? 260 : 6;
	return Array.from({ length: random.below(most) }, () =>
		random.chance(0.95) ? random.pick(MACS) : mac(random),
	);
}

function mac(random: Random): string {
	return Array.from({ length: 6 }, () => byte(random).toString(16).padStart(2, "0")).join(":");
}

/** A count that may lie. */
function claim(random: Random, count: number): number {
	return random.chance(0.93) ? count & 255 : byte(random);
}

const smart: Maker = (random, header) => {
	const command = random.chance(0.7) ? 0xb0 : 0x2f;
	const feature = random.pick([0xd0, 0xd1, 0xd2, 0xd4, 0xd5, 0xd6, 0xd8, 0xd9, 0xda, byte(random)]);
	const log = random.pick([0, 1, 2, 3, 0x10, 0x11, 0x80, 0xe0, byte(random)]);
	const page = command === 0xb0 ? 0xc24f00 | log : log | (random.below(3) << 8);
	const count = random.pick([0, 1, 1, 1, 2, byte(random)]);
	return ataFrame(header, {
		command,
		feature,
		count,
		lba: random.chance(0.9) ? page : lba(random),
		aflags: command === 0x2f ? 0x40 : random.pick([0, 0, 0x10, 0x40]),
		...(random.chance(0.1) && { data: Buffer.alloc(512, 0x31) }),
	});
};

/** Every family of commands: how one of its requests may look. */
export const FAMILIES: Readonly<Record<Family, Maker>> = {
	transfer: (random, header, owner, aim) => {
		const isWrite = random.chance(0.5);
		const command = isWrite ? random.pick(WRITES) : random.pick(READS);
		const fits = Math.floor((aim.mtu - 22) / 512);
		const count = random.chance(0.9)
			? 1 + random.below(Math.min(fits, 8))
			: random.pick([0, fits, fits + 1, 255]);
		const extended = EXTENDED.includes(command) === random.chance(0.97) ? 0x40 : 0;
		const aflags = extended | (isWrite === random.chance(0.97) ? 1 : 0);
		const bytes = isWrite ? { data: data(random, owner, count, aim) } : {};
		return ataFrame(header, { command, count, lba: lba(random), aflags, ...bytes });
	},
	verify: (random, header) => {
		const command = random.pick([0x40, 0x42, 0xe7, 0xea]);
		const aflags = EXTENDED.includes(command) === random.chance(0.95) ? 0x40 : 0;
		return ataFrame(header, { command, count: byte(random), lba: lba(random), aflags });
	},
	trim: (random, header, _owner, aim) => {
		const count = random.chance(0.9) ? 1 : random.pick([0, 2, 255]);
		const list = Buffer.alloc(Math.min(count * 512, Math.floor((aim.mtu - 22) / 512) * 512));
		for (let at = 0; at < Math.min(list.length, 8 * random.below(5)); at += 8) {
			list.writeUIntLE(lba(random), at, 6);
			list.writeUInt16LE(random.chance(0.95) ? random.below(20) : 0xffff, at + 6);
		}
		const feature = random.chance(0.95) ? 1 : byte(random);
		const aflags = random.chance(0.95) ? 0x41 : byte(random);
		return ataFrame(header, { command: 0x06, feature, count, aflags, lba: random.below(2), data: list });
	},
	smart,
	settings: (random, header) =>
		ataFrame(header, {
			command: random.pick(SETTINGS),
			feature: random.pick([0x02, 0x82, 0x03, 0x55, 0xaa, byte(random)]),
			count: random.pick([0, 1, 2, 8, byte(random)]),
			lba: lba(random),
			aflags: random.pick([0, 0, 0x10, 0x40]),
		}),
	anyAta: (random, header, owner, aim) =>
		ataFrame(header, {
			command: byte(random),
			feature: byte(random),
			count: random.pick([0, 1, 2, byte(random)]),
			lba: random.chance(0.5) ? lba(random) : random.below(2 ** 31) * 2 ** 17 + random.below(2 ** 17),
			aflags: byte(random),
			data: data(random, owner, random.below(3), aim),
		}),
	config: (random, header, owner, { mtu }) => {
		const room = mtu - 18;
		const length = random.chance(0.9)
			? random.below(40)
			: Math.min(room, random.pick([1023, 1024, 1025, 1100]));
		const text = random.chance(0.5)
			? "abcdefghij".slice(0, random.below(4))
			: stamped(owner, generation(random), length).toString("latin1");
		const command = random.chance(0.95) ? random.below(5) : random.below(16);
		const says = random.chance(0.93)
			? text.length
			: random.pick([1024, 1025, 65535, text.length + 1, byte(random)]);
		return configFrame(header, command, text, says);
	},
	mask: (random, header, _owner, { mtu }) => {
		const entries = macs(random).map((address) => [random.pick([1, 1, 1, 2, 2, 0]), address] as const);
		const wrong = entries.map(
			([directive, address]) => [random.chance(0.99) ? directive : 3, address] as const,
		);
		const command = random.pick([0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, random.chance(0.3) ? byte(random) : 0]);
		return maskFrame(header, command, wrong, claim(random, wrong.length)).subarray(0, mtu + 14);
	},
	reserve: (random, header, _owner, { mtu }) => {
		const command = random.pick([0, 1, 1, 1, 2, random.chance(0.3) ? byte(random) : 2]);
		const list = macs(random);
		return reserveFrame(header, command, list, claim(random, list.length)).subarray(0, mtu + 14);
	},
	vendor: (random, header) => {
		const command = random.chance(0.7) ? 0xf0 + random.below(16) : byte(random);
		const rest = Buffer.alloc(random.below(200));
		for (let i = 0; i < rest.length; i++) rest[i] = byte(random);
		return aoeFrame(header, command, rest);
	},
	broadcast: (random, header, owner, aim) => {
		const spoofed = {
			...header,
			...random.pick<Partial<FrameHeader>>([
				{ dst: BROADCAST },
				{ shelf: 0xffff },
				{ slot: 0xff },
				{ dst: BROADCAST, shelf: 0xffff, slot: 0xff },
			]),
		};
		const kind = random.pick([
			"config",
			"config",
			"settings",
			"transfer",
			"mask",
			"reserve",
			"vendor",
		] as const);
		return FAMILIES[kind](random, spoofed, owner, aim);
	},
};

/** A header of one of the initiators to one of the blades; one in `wrong` frames has something in it that is wrong. */
function makeHeader(random: Random, family: Family, owner: number, aim: Aim, wrong: number): FrameHeader {
	const lists = family === "mask" || family === "reserve";
	const usual = lists ? LOCKED : BUSY;
	const [shelf, slot] = random.chance(0.7) ? usual : random.pick([ADDRESSES[0]!, ...ADDRESSES]);
	const header = { dst: aim.target, src: SENDERS[owner] ?? SENDERS[0]!, shelf, slot };
	if (!random.chance(wrong)) return header;
	return {
		...header,
		...random.pick<Partial<FrameHeader>>([
			{ dst: "02:00:00:00:00:02" },
			{ dst: "01:00:5e:00:00:01" },
			{ src: aim.target },
			{ src: BROADCAST },
			{ src: mac(random) },
			{ version: random.below(16) },
			{ flags: random.below(16) },
			{ shelf: random.below(0x10000) },
			{ slot: byte(random) },
		]),
	};
}

/** A frame of a family, structured at random. */
export function randomFrame(random: Random, family: Family, aim: Aim): Buffer {
	const owner = random.below(SENDERS.length);
	const frame = FAMILIES[family](random, makeHeader(random, family, owner, aim, 0.08), owner, aim);
	return random.chance(0.02) ? mutate(random, frame, frame, aim) : frame;
}

/**
 * What an initiator does that has found a blade: asks what it is, uses it with commands of one family, and looks at what
 * became of it; every third frame mutated.
 */
export function mutatedSession(random: Random, family: Family, aim: Aim): Buffer[] {
	const owner = random.below(SENDERS.length);
	const header = makeHeader(random, family, owner, aim, 0);
	const own = SENDERS[owner] ?? SENDERS[0]!;
	const session = [
		configFrame(header, 0),
		ataFrame(header, { command: 0xec, count: 1 }),
		...(random.chance(0.3) ? [maskFrame(header, 1, [[1, own]])] : []),
		...(random.chance(0.3) ? [reserveFrame(header, 1, [own])] : []),
		FAMILIES.transfer(random, header, owner, aim),
		...Array.from({ length: 6 }, () => FAMILIES[family](random, header, owner, aim)),
		FAMILIES.transfer(random, header, owner, aim),
	];
	return session.map((frame, i) =>
		random.chance(0.34) ? mutate(random, frame, session[random.below(i + 1)] ?? frame, aim) : frame,
	);
}

/** The frame with something done to it; `other` is one that was sent before. */
function mutate(random: Random, frame: Buffer, other: Buffer, { mtu }: Aim): Buffer {
	const copy = Buffer.from(frame);
	const at = random.below(copy.length);
	switch (random.below(8)) {
		case 0:
			copy[at]! ^= 1 << random.below(8);
			return copy;
		case 1:
			copy[Math.min(copy.length - 1, 12 + random.below(24))] = byte(random);
			return copy;
		case 2:
			return copy.subarray(0, at);
		case 3:
			return copy.subarray(0, random.below(Math.min(40, copy.length)));
		case 4:
			return Buffer.concat([copy, Buffer.alloc(random.below(600), random.pick([0, 1, 0x41, 0xff]))]).subarray(
				0,
				mtu + 14,
			);
		case 5:
			return Buffer.concat([copy.subarray(0, at), copy.subarray(at + 1)]);
		case 6:
			// The head of one and the tail of another: lengths and counts that belong to something else.
			return Buffer.concat([copy.subarray(0, Math.min(36, at)), other.subarray(Math.min(36, at))]);
		default:
			return other;
	}
}
