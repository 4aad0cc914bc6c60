/**
 * What every block device and every layer must do, as tests that any of them can be put through: a function
 * that makes a device goes in, reports come out. Called by the tests of each device (and by whoever writes
 * another one); shipped, so it needs no test runner: `BlockReporter` is as much of one as it uses, and a tap
 * `t` fits. Requests are made and watched by `block-conformance-session.ts`.
 */

import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { BlockOp } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import { Random } from "../random.js";
import { guardedCases } from "./block-conformance-guarded.js";
import type { BlockAssertions, BlockSuiteOptions } from "./block-conformance-options.js";
import { AREA_BYTES, rangeCases, SOME_RANGES } from "./block-conformance-ranges.js";
import { Session } from "./block-conformance-session.js";

export type { BlockAssertions, BlockSuiteOptions } from "./block-conformance-options.js";

export interface BlockReporter {
	test(name: string, body: (t: BlockAssertions) => Promise<void>): PromiseLike<unknown>;
}

/** Makes a device of at least 1 MiB that is new: all zeros. */
export type MakeDevice = () => BlockDevice | Promise<BlockDevice>;

const SECTOR = 512;
const RANDOM_OPERATIONS = 400;
const BURSTS = 30;
const BURST_REQUESTS = 24;

/** Runs the suite; `makeDevice` is called once per test. */
export async function blockConformance(
	reporter: BlockReporter,
	name: string,
	makeDevice: MakeDevice,
	options: BlockSuiteOptions = {},
): Promise<void> {
	const { seed } = new Random(options.seed);
	for (const [title, body] of Object.entries(cases)) {
		const make = title.startsWith("read-only") ? options.makeReadOnly : makeDevice;
		if (make === undefined) continue;
		await reporter.test(`${name} (seed ${seed}): ${title}`, async (t) => {
			const session = new Session(t, await make(), options, new Random(seed));
			try {
				await body(t, session);
			} finally {
				await session.end();
			}
		});
	}
}

type Case = (t: BlockAssertions, session: Session) => Promise<void>;

const cases: Record<string, Case> = {
	...rangeCases,
	...guardedCases,

	"info is truthful": async (t, { device }) => {
		const { sizeBytes, physicalBlockBytes } = device.info;
		t.ok(sizeBytes >= 1024 * 1024 && sizeBytes % SECTOR === 0, "the size is of whole sectors");
		t.ok(
			physicalBlockBytes >= SECTOR && Number.isInteger(Math.log2(physicalBlockBytes)),
			"the physical block is a power of two",
		);
		const { logicalBlockBytes, trimGranularityBytes, trimAlignmentBytes } = device.info;
		t.ok(
			logicalBlockBytes >= SECTOR && logicalBlockBytes <= physicalBlockBytes,
			"the logical block is no larger than the physical one",
		);
		t.ok(
			trimAlignmentBytes >= 0 && trimAlignmentBytes < trimGranularityBytes,
			"the first piece begins in time",
		);
		t.equal(device.info, device.info, "info is the same object while nothing changes");
		for (const enabled of [false, true, device.info.writeCache])
			if (device.setWriteCache(enabled))
				t.equal(device.info.writeCache, enabled, `info knows that the cache is ${enabled ? "on" : "off"}`);
	},

	"a new device is all zeros": async (t, session) => {
		const { sizeBytes } = session.device.info;
		for (const offsetBytes of [0, SECTOR, sizeBytes / 2 - ((sizeBytes / 2) % SECTOR), sizeBytes - 65536])
			t.equal(await session.differsAt(offsetBytes, new Uint8Array(65536)), -1, `zeros at ${offsetBytes}`);
	},

	"what was written is read, at every sector of a block and across its borders": async (t, session) => {
		const model = new Uint8Array(AREA_BYTES);
		// Around the border of blocks of 4 KiB and of 64 KiB.
		for (let sector = 64 * 2 - 9; sector <= 64 * 2 + 9; sector++)
			for (const sectorCount of [1, 2, 7, 8, 17]) {
				const bytes = session.pattern(sectorCount * SECTOR);
				const status = await session.write(sector * SECTOR, bytes);
				model.set(bytes, sector * SECTOR);
				if (status !== StorageStatus.ok) t.equal(status, StorageStatus.ok, `write at sector ${sector}`);
				const at = await session.differsAt(sector * SECTOR, bytes);
				if (at >= 0) t.equal(at, -1, `${sectorCount} sectors at ${sector} read back`);
			}
		t.equal(await session.differsAt(0, model), -1, "and nothing else has changed");
	},

	"a request of no bytes succeeds": async (t, session) => {
		t.equal(await session.write(SECTOR, new Uint8Array(0)), StorageStatus.ok, "write");
		t.equal(await session.read(SECTOR, 0), StorageStatus.ok, "read");
		if (session.device.info.canTrim) t.equal(await session.trim(SECTOR, 0), StorageStatus.ok, "trim");
	},

	"the last sector can be used and nothing beyond it": async (t, session) => {
		const { sizeBytes, canTrim } = session.device.info;
		const last = session.pattern(SECTOR);
		t.equal(await session.write(sizeBytes - SECTOR, last), StorageStatus.ok, "write of the last sector");
		for (const [offsetBytes, lengthBytes] of [
			[sizeBytes - SECTOR, 2 * SECTOR],
			[sizeBytes, SECTOR],
			[sizeBytes + SECTOR, SECTOR],
			[-SECTOR, SECTOR],
			[-SECTOR, 2 * SECTOR],
			[0, sizeBytes + SECTOR],
			[2 ** 48 * SECTOR - SECTOR, SECTOR],
			[Number.MAX_SAFE_INTEGER, SECTOR],
			[Number.NaN, SECTOR],
		] as const) {
			// Nobody may touch memory that a refused request doesn't have.
			const ops: BlockOp[] = [BlockOp.read, BlockOp.write, BlockOp.writeZeroes, BlockOp.extents];
			if (canTrim) ops.push(BlockOp.trim);
			for (const op of ops)
				t.equal(
					await session.bare(op, offsetBytes, lengthBytes),
					StorageStatus.outOfRange,
					`op ${op} of ${lengthBytes} at ${offsetBytes}`,
				);
		}
		t.equal(await session.differsAt(sizeBytes - SECTOR, last), -1, "the last sector is as it was");
	},

	"a trimmed range reads as zeros, or trim is unsupported": async (t, session) => {
		const model = session.pattern(AREA_BYTES);
		await session.write(0, model);
		for (const [sector, sectorCount] of SOME_RANGES) {
			const status = await session.trim(sector * SECTOR, sectorCount * SECTOR);
			const wanted = session.device.info.canTrim ? StorageStatus.ok : StorageStatus.unsupported;
			t.equal(status, wanted, `trim of ${sectorCount} sectors at ${sector}`);
			if (status === StorageStatus.ok) model.fill(0, sector * SECTOR, (sector + sectorCount) * SECTOR);
		}
		t.equal(await session.differsAt(0, model), -1, "zeros where it was trimmed, else unchanged");
		const bytes = session.pattern(4 * SECTOR);
		await session.write(130 * SECTOR, bytes);
		t.equal(await session.differsAt(130 * SECTOR, bytes), -1, "a trimmed range can be written again");
	},

	"of a list of ranges each is trimmed, and nothing between them": async (t, session) => {
		if (!session.device.info.canTrim) return;
		const model = session.pattern(AREA_BYTES);
		await session.write(0, model);
		// A few, as many as an ordering keeps apart, more, and as many as a frame of 9000 bytes can name.
		for (const count of [2, 3, 64, 65, 240]) {
			const stride = Math.floor(AREA_BYTES / SECTOR / count) * SECTOR;
			const sectors = (i: number): number => 1 + (i % Math.max(1, stride / SECTOR - 1));
			const pairs = Array.from({ length: count }, (_, i) => [i * stride, sectors(i) * SECTOR] as const);
			t.equal(await session.trimList(pairs), StorageStatus.ok, `trim of ${count} ranges`);
			for (const [offset, length] of pairs) model.fill(0, offset, offset + length);
			t.equal(await session.differsAt(0, model), -1, "zeros where it was trimmed, else unchanged");
		}
		const { sizeBytes } = session.device.info;
		const beyond = [[0, SECTOR] as const, [sizeBytes - SECTOR, 2 * SECTOR] as const];
		t.equal(await session.trimList(beyond), StorageStatus.outOfRange, "a list that goes past the end");
		t.equal(await session.differsAt(0, model), -1, "of which nothing was trimmed");
	},

	"flush succeeds, with and without writes before it, and writes may ask for stable storage": async (
		t,
		session,
	) => {
		t.equal(await session.flush(), StorageStatus.ok, "flush of nothing");
		const bytes = session.pattern(8 * SECTOR);
		t.equal(await session.write(0, bytes, { fua: true }), StorageStatus.ok, "write with forced unit access");
		t.equal(await session.write(8 * SECTOR, bytes), StorageStatus.ok, "plain write");
		t.equal(await session.flush(), StorageStatus.ok, "flush");
		t.equal(await session.differsAt(0, bytes), -1, "the first write is there");
		t.equal(await session.differsAt(8 * SECTOR, bytes), -1, "the second write is there");
	},

	"many requests at once complete once each": async (t, session) => {
		const blocks = Array.from({ length: 64 }, () => session.pattern(8 * SECTOR));
		const offset = (i: number): number => ((i * 37) % 64) * 8 * SECTOR;
		const writes = blocks.map((bytes, i) => session.write(offset(i), bytes));
		const flushes = [session.flush(), session.flush()];
		const statuses = await Promise.all([...writes, ...flushes]);
		t.ok(
			statuses.every((status) => status === StorageStatus.ok),
			"all succeed",
		);
		const found = await Promise.all(blocks.map((bytes, i) => session.differsAt(offset(i), bytes)));
		t.ok(
			found.every((at) => at < 0),
			"all are where they belong",
		);
	},

	"requests can be used again from their own completion": async (t, session) => {
		t.same(await session.chains(5, 100), [100, 100, 100, 100, 100], "completed as often as submitted");
	},

	"the bytes of a write are its caller's again when the pump has run": async (t, session) => {
		const model = new Uint8Array(AREA_BYTES);
		const statuses: Promise<StorageStatus>[] = [];
		// With a device that keeps order, writes wait for each other here; else they are side by side.
		const stride = session.options.ordered ? 4 * SECTOR : 8 * SECTOR;
		for (let i = 0; i < 24; i++) {
			const bytes = session.pattern(8 * SECTOR);
			model.set(bytes, i * stride);
			statuses.push(session.write(i * stride, bytes, { lend: true }));
		}
		session.takeBack();
		t.ok(
			(await Promise.all(statuses)).every((status) => status === StorageStatus.ok),
			"all succeed",
		);
		t.equal(await session.differsAt(0, model), -1, "what was written is what was given");
	},

	"random operations, one at a time, agree with a model": async (t, session) => {
		const model = new Uint8Array(AREA_BYTES);
		for (let i = 0; i < RANDOM_OPERATIONS; i++) {
			const fault = await session.randomOperation(model, 0, AREA_BYTES, 64);
			if (fault !== undefined) {
				t.equal(fault, undefined, `operation ${i}`);
				return;
			}
		}
		t.equal(await session.differsAt(0, model), -1, "the same in the end");
	},

	"random operations, many at a time, agree with a model": async (t, session) => {
		const model = new Uint8Array(AREA_BYTES);
		// Without a promise of order no two of a burst may touch the same bytes; with one, they had better.
		const part = session.options.ordered ? 0 : Math.floor(AREA_BYTES / SECTOR / BURST_REQUESTS) * SECTOR;
		for (let burst = 0; burst < BURSTS; burst++) {
			const operations: Promise<string | undefined>[] = [];
			for (let i = 0; i < BURST_REQUESTS; i++)
				operations.push(session.randomOperation(model, i * part, part === 0 ? 16 * SECTOR : part, 8));
			const fault = (await Promise.all(operations)).find((result) => result !== undefined);
			if (fault !== undefined) {
				t.equal(fault, undefined, `burst ${burst}`);
				return;
			}
		}
		t.equal(await session.differsAt(0, model), -1, "the same in the end");
	},

	"read-only devices can be read and flushed, and nothing else": async (t, session) => {
		t.equal(session.device.info.readOnly, true, "info says it");
		t.equal(await session.write(0, session.pattern(SECTOR)), StorageStatus.readOnly, "write");
		t.equal(await session.trim(0, SECTOR), StorageStatus.readOnly, "trim");
		t.equal(await session.writeZeroes(0, SECTOR), StorageStatus.readOnly, "write zeroes");
		t.equal(await session.flush(), StorageStatus.ok, "flush");
		t.equal(await session.differsAt(0, new Uint8Array(SECTOR)), -1, "read");
	},

	"close waits for what is under way; afterwards all is refused": async (t, session) => {
		const bytes = session.pattern(8 * SECTOR);
		let completed = 0;
		const count = (): number => ++completed;
		const requests = Array.from({ length: 16 }, (_, i) => session.write(i * 4096, bytes).then(count));
		const close = async (): Promise<number> => {
			await session.device.close();
			return session.open;
		};
		t.same(
			await session.wait(Promise.all([close(), close()])),
			[0, 0],
			"whoever asks for it, first or second, is told when it is closed and not before",
		);
		// Only the promises' own turns of the queue are left.
		await session.wait(Promise.all(requests));
		t.equal(completed, 16, "everything under way has completed");
		t.equal(session.open, 0, "and nothing is left");
		for (const op of Object.values(BlockOp)) {
			const promised = new PromisedRequest();
			promised.request.op = op;
			t.equal((await session.wait(promised.run(session.device))).status, StorageStatus.closed, `op ${op}`);
		}
	},
};
