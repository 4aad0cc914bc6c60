/**
 * The cases of the block suite about ranges without bytes: zeroes, extents, and requests that are taken back. Listed by
 * `block-conformance.ts`.
 */

import { EXTENT_FLAGS, ExtentFlag } from "../block/extents.js";
import { StorageStatus } from "../errors.js";
import type { BlockAssertions } from "./block-conformance-options.js";
import type { Session } from "./block-conformance-session.js";

const SECTOR = 512;
/** Most of the suite happens in so many bytes at the start of the device. */
export const AREA_BYTES = 256 * 1024;
/** Sectors of that area that are trimmed, or zeroed: one, some, and many across pages; from which on, and how many. */
export const SOME_RANGES: readonly (readonly [sector: number, sectorCount: number])[] = [
	[3, 1],
	[120, 16],
	[130, 260],
];
/** Most times that one asks for extents to cover a device of the suite. */
const ASKED_MAX = 10_000;

/**
 * The extents of a whole range, asked for as often as it takes, `room` at a time; undefined if they can't be right.
 */
async function allExtents(
	t: BlockAssertions,
	session: Session,
	begin: number,
	end: number,
	room: number,
): Promise<[begin: number, end: number, flags: number][] | undefined> {
	const found: [number, number, number][] = [];
	let at = begin;
	for (let asked = 0; at < end; asked++) {
		const pairs = await session.extents(at, end - at, room);
		if (!Array.isArray(pairs) || pairs.length === 0 || pairs.length > 2 * room || asked === ASKED_MAX) {
			t.ok(false, `extents from ${at} on: ${pairs}`);
			return undefined;
		}
		for (let i = 0; i < pairs.length; i += 2) {
			const [length = 0, flags = 0] = pairs.slice(i, i + 2);
			if (!(length > 0 && at + length <= end && (flags & ~EXTENT_FLAGS) === 0)) {
				t.ok(false, `an extent of ${length} at ${at}, flags ${flags}`);
				return undefined;
			}
			found.push([at, at + length, flags]);
			at += length;
		}
	}
	return found;
}

async function zeroes(t: BlockAssertions, session: Session): Promise<void> {
	const model = session.pattern(AREA_BYTES);
	await session.write(0, model);
	for (const [sector, sectorCount] of SOME_RANGES)
		for (const mayUnmap of [false, true])
			for (const fua of [false, true]) {
				const at = sector * SECTOR;
				await session.write(at, session.pattern(sectorCount * SECTOR));
				const status = await session.writeZeroes(at, sectorCount * SECTOR, { mayUnmap, fua });
				t.equal(status, StorageStatus.ok, `${sectorCount} sectors at ${sector}`);
				model.fill(0, at, at + sectorCount * SECTOR);
				t.equal(await session.differsAt(0, model), -1, "zeros there, and nothing else has changed");
			}
	const { sizeBytes } = session.device.info;
	await session.write(sizeBytes - SECTOR, session.pattern(SECTOR));
	for (const mayUnmap of [false, true]) {
		await session.write(0, model);
		t.equal(
			await session.writeZeroes(SECTOR, sizeBytes - SECTOR, { mayUnmap }),
			StorageStatus.ok,
			"all but one",
		);
		t.equal(await session.differsAt(0, model.slice(0, SECTOR)), -1, "what is before it is as it was");
		t.equal(await session.differsAt(SECTOR, new Uint8Array(AREA_BYTES)), -1, "zeros at its beginning");
		t.equal(await session.differsAt(sizeBytes - 65536, new Uint8Array(65536)), -1, "and at its end");
	}
	t.equal(await session.writeZeroes(SECTOR, 0), StorageStatus.ok, "of no bytes");
}

async function extents(t: BlockAssertions, session: Session): Promise<void> {
	const { info } = session.device;
	const fresh = await allExtents(t, session, 0, info.sizeBytes, 16);
	const isZero = ([, , flags]: readonly [number, number, number]): boolean => (flags & ExtentFlag.zero) !== 0;
	if (info.knowsExtents) t.ok(fresh?.every(isZero), "a new device is all zeros");
	else t.ok(!fresh?.some(isZero), "one that does not know has nothing but data");
	const model = new Uint8Array(AREA_BYTES);
	for (const sector of [1, 40, 41, 200, 511]) {
		const bytes = session.pattern(SECTOR).fill(1, 0, 1);
		model.set(bytes, sector * SECTOR);
		await session.write(sector * SECTOR, bytes);
	}
	await session.writeZeroes(200 * SECTOR, SECTOR, { mayUnmap: true });
	model.fill(0, 200 * SECTOR, 201 * SECTOR);
	for (const [begin, room] of [
		[0, 64],
		[0, 1],
		[40 * SECTOR, 2],
	] as const)
		for (const [from, to, flags] of (await allExtents(t, session, begin, AREA_BYTES, room)) ?? [])
			if ((flags & ExtentFlag.zero) !== 0)
				t.ok(
					model.subarray(from, to).every((byte) => byte === 0),
					`zeros from ${from} to ${to}`,
				);
	t.same(await session.extents(SECTOR, 0, 4), [], "none of no bytes");
	if (!session.options.ordered) return;
	const written = session.write(96 * SECTOR, session.pattern(SECTOR).fill(1, 0, 1));
	const pairs = await session.extents(96 * SECTOR, SECTOR, 1);
	await written;
	t.same(pairs, [SECTOR, 0], "a write that came before them counts");
}

async function cancelling(t: BlockAssertions, session: Session): Promise<void> {
	const before = session.pattern(SECTOR);
	const after = session.pattern(SECTOR).map((byte, i) => byte ^ (before[i] === byte ? 1 : 0));
	const offsets = Array.from({ length: 32 }, (_, i) => (i * 64 * 1024) / 16);
	for (const offset of offsets) await session.write(offset, before);
	const statuses = await session.cancelled(offsets, after, (index) => index % 2 === 1);
	for (const [index, offset] of offsets.entries()) {
		const status = statuses[index];
		if (index % 2 === 0) t.equal(status, StorageStatus.ok, "what nobody has cancelled is done");
		else t.ok(status === StorageStatus.ok || status === StorageStatus.cancelled, "it is done, or cancelled");
		const wanted = status === StorageStatus.ok ? after : before;
		t.equal(await session.differsAt(offset, wanted), -1, "and what is said of it is so");
	}
	if (!session.options.ordered) return;
	// All to one place: most wait for the one before.
	const same = await session.cancelled(new Array<number>(16).fill(0), before, (index) => index > 0);
	t.equal(same[0], StorageStatus.ok, "the first one is done");
	t.equal(await session.write(0, after), StorageStatus.ok, "and what comes later is not held up");
	t.equal(await session.differsAt(0, after), -1, "nor overtaken");
}

export const rangeCases = {
	"zeroes are read where they were written, whether the space may go back or not": zeroes,
	"extents cover what was asked for, and zeros are where they say": extents,
	"what is cancelled ends once, and has not happened": cancelling,
};
