/**
 * Frames for fuzzing: well-formed requests of every command with values that are likely to hurt, and mutations that break
 * them. Built with the tests' own encoder. No byte here is one of the canaries of `world.ts`, except by a mutation's chance.
 */

import fc from "fast-check";
import {
	aoeFrame,
	ataFrame,
	configFrame,
	type FrameHeader,
	maskFrame,
	reserveFrame,
} from "../support/frames.js";
import { ADDRESSES, type Address, BUSY, DISK_SECTORS, INITIATORS, LOCKED, TARGET } from "./stamps.js";

/** All but the victim of `world.ts`. */
const SENDERS = INITIATORS.slice(0, 3);
const NOT_ONE_BLADE: readonly Address[] = [
	[0xffff, 0xff],
	[9, 0xff],
	[0xffff, 0],
	[11, 0],
	[9, 254],
];

const LISTED = SENDERS.slice(1);
const ATA_OPCODES = [
	0x20, 0x24, 0x25, 0xc8, 0x29, 0xc4, 0x30, 0x34, 0x35, 0xca, 0x39, 0xc5, 0x3d, 0xce, 0x40, 0x42, 0xe7, 0xea,
	0xef, 0x06, 0xb0, 0x2f, 0xe0, 0xe1, 0xe2, 0xe3, 0xe5, 0xe6, 0xf8, 0x27, 0x45, 0xf1, 0xec, 0xc6,
];
/** Those that the check of contents follows, and so the most interesting. */
const TRANSFERS = [0x20, 0x24, 0x25, 0xc8, 0x30, 0x34, 0x35, 0xca];

/** One step of a scenario: a frame comes in, then time passes. */
export interface Step {
	readonly frame: Buffer;
	/** Timers of the (slow, disorderly) storage that go off afterwards. */
	readonly ticks: number;
}

const byte = fc.integer({ min: 0, max: 255 });
const nonzero = fc.integer({ min: 1, max: 255 });
const plain = fc.constantFrom(0x00, 0x01, 0x02, 0x41, 0x42, 0x61, 0xff);

const address: fc.Arbitrary<Address> = fc.oneof(
	{ weight: 12, arbitrary: fc.constantFrom(...ADDRESSES) },
	{ weight: 1, arbitrary: fc.constantFrom(...NOT_ONE_BLADE) },
	{ weight: 1, arbitrary: fc.tuple(fc.integer({ min: 0, max: 0xffff }), byte) },
);

const header: fc.Arbitrary<FrameHeader> = fc
	.record({
		dst: fc.oneof(
			{ weight: 12, arbitrary: fc.constant(TARGET) },
			{ weight: 2, arbitrary: fc.constant("ff:ff:ff:ff:ff:ff") },
			{
				weight: 1,
				arbitrary: fc.constantFrom("02:00:00:00:00:02", "01:00:5e:00:00:01", "00:00:00:00:00:00"),
			},
		),
		src: fc.oneof(
			{ weight: 20, arbitrary: fc.constantFrom(...SENDERS) },
			{ weight: 1, arbitrary: fc.constantFrom(TARGET, "ff:ff:ff:ff:ff:ff", "00:00:00:00:00:00") },
		),
		address,
		version: fc.oneof(
			{ weight: 20, arbitrary: fc.constant(1) },
			{ weight: 1, arbitrary: fc.integer({ min: 0, max: 15 }) },
		),
		flags: fc.oneof(
			{ weight: 20, arbitrary: fc.constant(0) },
			{ weight: 1, arbitrary: fc.integer({ min: 0, max: 15 }) },
		),
	})
	.map(({ address: [shelf, slot], ...rest }) => ({ ...rest, shelf, slot }));

/** A header that gets through, so that the disks have something to do. */
const goodHeader: fc.Arbitrary<FrameHeader> = fc
	.record({
		src: fc.constantFrom(...SENDERS),
		address: fc.oneof(
			{ weight: 6, arbitrary: fc.constant(BUSY) },
			{ weight: 1, arbitrary: fc.constantFrom(...ADDRESSES) },
		),
	})
	.map(({ src, address: [shelf, slot] }) => ({ dst: TARGET, src, shelf, slot }));

/** For what shuts others out: mostly one blade, that others may go on. */
const lockHeader: fc.Arbitrary<FrameHeader> = fc.oneof(
	{ weight: 5, arbitrary: goodHeader.map((header) => ({ ...header, shelf: LOCKED[0], slot: LOCKED[1] })) },
	{ weight: 1, arbitrary: header },
);

/** Data whose every sector says which write it came from, so that the check of contents can tell. */
const data = fc
	.record({
		fill: nonzero,
		sectors: fc.integer({ min: 0, max: 17 }),
		more: fc.constantFrom(0, 0, 0, 1, 511, -1),
	})
	.map(({ fill, sectors, more }) => Buffer.alloc(Math.max(0, sectors * 512 + more), notCanary(fill)));

const lba = fc.oneof(
	{ weight: 12, arbitrary: fc.integer({ min: 0, max: 7 }) },
	{ weight: 2, arbitrary: fc.integer({ min: 0, max: DISK_SECTORS - 1 }) },
	{ weight: 2, arbitrary: fc.integer({ min: DISK_SECTORS - 3, max: DISK_SECTORS + 2 }) },
	{
		weight: 1,
		arbitrary: fc.constantFrom(0x0fffffff, 0x10000000, 0xe0000000, 0xffffffff, 2 ** 48 - 1, 0xc24f01),
	},
);

const transfer = fc
	.record({
		header: fc.oneof({ weight: 8, arbitrary: goodHeader }, { weight: 1, arbitrary: header }),
		command: fc.constantFrom(...TRANSFERS),
		lba,
		count: fc.constantFrom(1, 1, 1, 2, 2, 2, 3, 9, 17),
		fill: nonzero,
	})
	.map(({ header, command, lba, count, fill }) => {
		const isWrite = (command & 0x10) !== 0 || command === 0x35 || command === 0xca;
		const extended = command < 0xc0 && (command & 4) !== 0 ? 0x40 : 0;
		const data = isWrite ? Buffer.alloc(count * 512, notCanary(fill)) : undefined;
		return ataFrame(header, {
			command,
			lba,
			count,
			aflags: extended | (isWrite ? 1 : 0),
			...(data && { data }),
		});
	});

const ata = fc
	.record({
		header,
		aflags: fc.constantFrom(0, 1, 0x40, 0x41, 0x10, 0x53, 0xff),
		feature: fc.oneof(byte, fc.constantFrom(1, 0x02, 0x82, 0xd0, 0xd5, 0xd8, 0xda)),
		count: fc.oneof(byte, fc.constantFrom(0, 1, 2, 255)),
		command: fc.oneof(fc.constantFrom(...ATA_OPCODES), byte),
		lba,
		data,
	})
	.map(({ header, ...rest }) => ataFrame(header, rest));

/** Ranges no longer needed, up to three of them. */
const trim = fc
	.record({
		header: goodHeader,
		ranges: fc.array(fc.record({ lba, sectors: fc.integer({ min: 0, max: 20 }) }), { maxLength: 3 }),
	})
	.map(({ header, ranges }) => {
		const data = Buffer.alloc(512);
		for (const [i, { lba, sectors }] of ranges.entries()) {
			data.writeUIntLE(lba, 8 * i, 6);
			data.writeUInt16LE(sectors, 8 * i + 6);
		}
		return ataFrame(header, { command: 0x06, feature: 1, count: 1, aflags: 0x41, data });
	});

const config = fc
	.record({
		header,
		command: fc.oneof(fc.integer({ min: 0, max: 5 }), fc.integer({ min: 0, max: 15 })),
		text: fc.oneof(
			fc.constantFrom("", "a", "ab", "abc", "b"),
			fc.integer({ min: 0, max: 1100 }).map((n) => "a".repeat(n)),
		),
		claim: fc.option(fc.oneof(fc.integer({ min: 0, max: 1100 }), fc.constantFrom(1024, 1025, 65535)), {
			freq: 1,
		}),
	})
	.map(({ header, command, text, claim }) => configFrame(header, command, text, claim ?? text.length));

const mac = fc.constantFrom(...LISTED, "02:00:00:00:00:dd", "ff:ff:ff:ff:ff:ff");

const mask = fc
	.record({
		header: lockHeader,
		command: fc.oneof(
			{ weight: 8, arbitrary: fc.integer({ min: 0, max: 1 }) },
			{ weight: 1, arbitrary: byte },
		),
		entries: fc.array(fc.tuple(fc.constantFrom(0, 1, 1, 1, 2, 2, 3), mac), { maxLength: 6 }),
		claim: fc.option(byte, { freq: 1 }),
	})
	.map(({ header, command, entries, claim }) => maskFrame(header, command, entries, claim ?? entries.length));

const reserve = fc
	.record({
		header: lockHeader,
		command: fc.oneof(
			{ weight: 8, arbitrary: fc.integer({ min: 0, max: 2 }) },
			{ weight: 1, arbitrary: byte },
		),
		macs: fc.array(mac, { maxLength: 6 }),
		claim: fc.option(byte, { freq: 1 }),
	})
	.map(({ header, command, macs, claim }) => reserveFrame(header, command, macs, claim ?? macs.length));

const other = fc
	.record({ header, command: byte, rest: fc.array(plain, { maxLength: 80 }) })
	.map(({ header, command, rest }) => aoeFrame(header, command, Buffer.from(rest)));

const garbage = fc.array(plain, { maxLength: 100 }).map((bytes) => Buffer.from(bytes));

const wellFormed = fc.oneof(
	{ weight: 20, arbitrary: transfer },
	{ weight: 3, arbitrary: ata },
	{ weight: 2, arbitrary: trim },
	{ weight: 3, arbitrary: config },
	{ weight: 2, arbitrary: mask },
	{ weight: 2, arbitrary: reserve },
	{ weight: 1, arbitrary: other },
	{ weight: 1, arbitrary: garbage },
);

type Mutation = (frame: Buffer) => Buffer;

const position = fc.double({ min: 0, max: 1, noNaN: true });
const at = (frame: Buffer, place: number): number =>
	Math.min(Math.floor(place * frame.length), frame.length - 1);

const mutation: fc.Arbitrary<Mutation> = fc.oneof(
	fc.tuple(position, fc.integer({ min: 0, max: 7 })).map(
		([place, bit]): Mutation =>
			(frame) => {
				const copy = Buffer.from(frame);
				if (copy.length > 0) copy[at(copy, place)]! ^= 1 << bit;
				return copy;
			},
	),
	fc.tuple(fc.integer({ min: 12, max: 36 }), byte).map(
		([place, value]): Mutation =>
			(frame) => {
				const copy = Buffer.from(frame);
				if (place < copy.length) copy[place] = value;
				return copy;
			},
	),
	position.map(
		(place): Mutation =>
			(frame) =>
				frame.subarray(0, Math.floor(place * frame.length)),
	),
	fc.integer({ min: 0, max: 40 }).map(
		(length): Mutation =>
			(frame) =>
				frame.subarray(0, length),
	),
	fc.tuple(plain, fc.integer({ min: 1, max: 600 })).map(
		([value, count]): Mutation =>
			(frame) => {
				return Buffer.concat([frame, Buffer.alloc(count, value)]);
			},
	),
	position.map(
		(place): Mutation =>
			(frame) => {
				const cut = Math.floor(place * frame.length);
				return Buffer.concat([frame.subarray(0, cut), frame.subarray(cut + 1)]);
			},
	),
);

const mutations: fc.Arbitrary<Mutation[]> = fc.oneof(
	{ weight: 10, arbitrary: fc.constant<Mutation[]>([]) },
	{ weight: 3, arbitrary: fc.array(mutation, { minLength: 1, maxLength: 3 }) },
);

/** A scenario: up to 40 steps. Frames are at most as long as a link of that MTU lets in. */
export function steps(mtu: number): fc.Arbitrary<Step[]> {
	const step = fc
		.record({ frame: wellFormed, mutations, ticks: fc.constantFrom(0, 0, 0, 1, 3), pad: fc.boolean() })
		.map(({ frame, mutations, ticks, pad }) => {
			const mutated = mutations.reduce((bytes, mutate) => mutate(bytes), frame).subarray(0, mtu + 14);
			const padding = pad ? Math.max(0, 60 - mutated.length) : 0;
			return { frame: Buffer.concat([mutated, Buffer.alloc(padding)]), ticks };
		});
	return fc.array(step, { minLength: 1, maxLength: 40, size: "max" });
}

/** Keeps generated data apart from the canaries, which lie in 0x50..0x5f and 0xc0..0xcf. */
function notCanary(value: number): number {
	const high = value >>> 4;
	return high === 0x5 || high === 0xc ? value ^ 0x20 : value;
}
