// Streams and images into a pool and out of it while a request to its disk fails, finds no space, is torn or hangs, while the process that has it is
// killed or the power is cut, at some requests of a seed by chance: it goes on from what was kept, and is the same byte by byte. POOL_SEED=n is that seed.
import { readFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { FailedError, OperatorError } from "../../lib/errors.js";
import { Pool } from "../../lib/pool/pool.js";
import { openVolumeStack } from "../../lib/pool/volume-stack.js";
import { Random } from "../../lib/random.js";
import { copy } from "../../lib/send/copy.js";
import { DeviceReader, DeviceWriter } from "../../lib/send/device.js";
import { exportImage } from "../../lib/send/export.js";
import { type Kept, KeptOnDevice } from "../../lib/send/kept.js";
import { KEPT_BYTES } from "../../lib/send/kept-bytes.js";
import { pointOf } from "../../lib/send/receive.js";
import { CrashFolder, Power } from "../pool/crash-folder.js";
import { FAULTS, Fault, FaultFolder, type FaultKind } from "../pool/fault-folder.js";
import { within } from "../pool/fault-run.js";
import { testWorld } from "../pool/memory-folder.js";
import { RETRIED_US } from "../pool/whole-life.js";
import { scratchDirectory } from "../support/cleanup.js";
import { rounds } from "../support/long.js";
import { contentOf, FULL, KeptInMemory, MARK_EVERY, received, SIZE, scribbleAll, sent } from "./streams.js";

const SEED = Number(process.env.POOL_SEED ?? 1 + Math.floor(Math.random() * 1e6));
const STRIDE = rounds(23, 1);
/** Of each kind there are more requests. */
const FIRST_MAX = 5;
const ENDS = [...FAULTS, "kill", "power"] as const;
type End = (typeof ENDS)[number];

const random = new Random(SEED);
const from = new MemoryDevice(SIZE);
await scribbleAll(from, random, 20);
const wanted = await contentOf(from);

t.before(() => t.comment(`seed ${SEED}`));
t.setTimeout(rounds(230_000, 3_500_000));

async function open(pool: Pool, name: string): Promise<BlockDevice> {
	const options = {
		readOnly: false,
		offsetSectors: 0,
		lengthSectors: undefined,
		durability: "flush",
	} as const;
	return (await openVolumeStack(pool, name, options)).device;
}

/** With a volume that is to be filled, and one that keeps how far that is. */
async function prepare(fill?: (device: BlockDevice) => Promise<void>): Promise<CrashFolder> {
	const folder = new CrashFolder(new Power(Number.POSITIVE_INFINITY));
	const pool = await Pool.create(testWorld(folder));
	await pool.administration.create("web", SIZE, 4096);
	await pool.administration.create("state", KEPT_BYTES, KEPT_BYTES);
	const device = await open(pool, "web");
	await fill?.(device);
	await device.close();
	await pool.close();
	return folder;
}

/** Each goes on from what was kept, and says from where. */
const WAYS = {
	receive: async (device: BlockDevice, kept: Kept) => {
		const point = pointOf(await kept.read());
		await received((await sent(from, FULL, undefined, point)).bytes, device, kept);
		return point?.offsetBytes ?? 0;
	},
	import: async (device: BlockDevice, kept: Kept) => {
		const { offset = 0 } = ((await kept.read()) ?? {}) as { offset?: number };
		await copy(new DeviceReader(from, "an image").extents(offset, SIZE), new DeviceWriter(device, "web"), {
			reached: (reached) => kept.write({ offset: reached }),
			progress: () => {},
			everyBytes: MARK_EVERY,
		});
		return offset;
	},
} as const satisfies Record<string, (device: BlockDevice, kept: Kept) => Promise<number>>;

/** All of an attempt, from when the pool is opened, which is told, until it is closed. */
async function attempt(
	folder: CrashFolder,
	way: keyof typeof WAYS,
	opened: (pool: Pool) => void = () => {},
	laterUs = () => 0,
): Promise<number> {
	const world = testWorld(folder);
	const pool = await Pool.open({ ...world, elapsed: () => world.elapsed() + laterUs() });
	opened(pool);
	try {
		const [device, state] = [await open(pool, "web"), await open(pool, "state")];
		const begun = await WAYS[way](device, new KeptOnDevice(state));
		for (const each of [device, state]) await each.close();
		return begun;
	} finally {
		await pool.close();
	}
}

function faultOf(end: End, left: number): Fault {
	const kind: FaultKind = end === "kill" || end === "power" ? "stuck" : end;
	const fault = new Fault(kind, kind === end ? left : Number.POSITIVE_INFINITY);
	fault.whenStuck = (goOn) => setTimeout(goOn, 1);
	return fault;
}

/** Undefined if there were not so many requests; else from where it went on. */
async function interrupted(t: Test, before: CrashFolder, way: keyof typeof WAYS, end: End, left: number) {
	const isCut = end === "kill" || end === "power";
	const fault = faultOf(end, left);
	const folder = new FaultFolder(before.crash(random, 1, isCut ? left : Number.POSITIVE_INFINITY), fault);
	// (A record that has found no space waits until somebody makes room.)
	let pool: Pool | undefined;
	let laterUs = 0;
	const makeRoom = (): void => {
		fault.heal();
		laterUs = RETRIED_US;
		pool?.age();
	};
	const opened = (one: Pool): void => {
		pool = one;
	};
	const told = await within(
		`${way}, ${end} at ${left}`,
		Promise.race([attempt(folder, way, opened, () => laterUs), folder.power.off]).catch((error: unknown) => {
			if (!(error instanceof FailedError || error instanceof OperatorError)) throw error;
			return error.message;
		}),
		end === "full" ? makeRoom : undefined,
	);
	const isStruck = fault.strikes > 0 || folder.power.isOff;
	if (!isStruck) return undefined;
	// (What hangs only takes longer.)
	if (end === "stuck") t.type(told, "number", `what hung for a while, at ${left}`);
	if (typeof told === "string" && told.includes("\n")) t.fail(`more than a line: ${told}`);
	const survival = end === "power" ? random.pick([0, 0.5, 1]) : 1;
	const after = folder.crash(random, survival, Number.POSITIVE_INFINITY);
	const begun = await attempt(after, way);
	const again = after.crash(random, 0, Number.POSITIVE_INFINITY);
	const whole = await Pool.open(testWorld(again));
	const device = await open(whole, "web");
	const isSame = (await contentOf(device)).equals(wanted);
	if (!isSame) t.fail(`${way}, ${end} at ${left}: is something else`);
	await device.close();
	await whole.close();
	return begun;
}

for (const way of Object.keys(WAYS) as (keyof typeof WAYS)[])
	t.test(`${way}: whatever goes wrong, the next attempt goes on and ends with the same bytes`, async (t) => {
		const before = await prepare();
		let wentOn = 0;
		for (const end of ENDS) {
			let struck = 0;
			for (let left = SEED % FIRST_MAX; ; left += STRIDE, struck++) {
				const begun = await interrupted(t, before, way, end, left);
				if (begun === undefined) break;
				if (begun > 0 && begun < SIZE) wentOn++;
			}
			t.ok(struck > 0, `${end}: ${struck}`);
		}
		t.ok(wentOn > 0, `${wentOn} went on in the middle`);
	});

/** What is read from a pool whose disk fails at some reads, until all is there: attempts. */
async function untilRead(fault: Fault, left: number, act: () => Promise<void>): Promise<number> {
	for (let attempts = 1; ; attempts++) {
		if (attempts < 4) fault.arm(left);
		try {
			await act();
			return attempts;
		} catch (error) {
			if (!(error instanceof FailedError || error instanceof OperatorError)) throw error;
			if (attempts > 6) throw error;
		}
	}
}

t.test("send and export from a pool whose disk fails go on, and end with the same bytes", async (t) => {
	const folder = await prepare(async (device) => {
		const writer = new DeviceWriter(device, "web");
		for await (const extent of new DeviceReader(from, "an image").extents(0, SIZE)) await writer.put(extent);
		await writer.sync();
	});
	const directory = scratchDirectory();
	let failed = 0;
	for (let left = 0; left < 12; left += 1 + random.below(3)) {
		const fault = new Fault("read", Number.POSITIVE_INFINITY);
		const pool = await Pool.open(testWorld(new FaultFolder(folder.crash(random, 1, Infinity), fault)));
		const device = await open(pool, "web");
		const [to, kept] = [new MemoryDevice(SIZE), new KeptInMemory()];
		failed += await untilRead(fault, left, async () => {
			const pieces: Buffer[] = [];
			await sent(device, FULL, undefined, pointOf(kept.value), pieces).catch(() => {});
			await received(Buffer.concat(pieces), to, kept);
		});
		t.ok((await contentOf(to)).equals(wanted), `sent, with reads that failed from ${left} on`);
		const file = path.join(directory, `image-${left}`);
		failed += await untilRead(fault, left, () =>
			exportImage({ device, name: "web", id: "one" }, file, {
				format: "raw",
				force: false,
				progress: () => {},
				everyBytes: MARK_EVERY,
			}),
		);
		t.ok(readFileSync(file).equals(wanted), `exported, likewise`);
		fault.heal();
		await device.close();
		await pool.close();
	}
	t.ok(failed > 16, `${failed} attempts`);
});
