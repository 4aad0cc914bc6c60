// No command buys a long turn, however it is formed: lists of UNMAP of all shapes, WRITE SAME, copies and GET LBA STATUS, many of them at once, are counted
// in steps. What they cost by the clock is not looked at.

import t, { type Test } from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { Random } from "../../lib/random.js";
import { STEPS_PER_TURN, turn } from "../../lib/turn.js";
import { copyCdb, listOf, segmentOf, targetOf } from "../scsi/copying.js";
import { cdb10, cdb16 } from "../scsi/support.js";
import type { CommandOptions } from "../support/iscsi/initiator-command.js";
import { BLOCK, MIB, ServerUnderTest } from "./server-under-test.js";

const DISK_BYTES = 4096 * MIB;
const BLOCKS = DISK_BYTES / BLOCK;
/** Commands of one initiator at once. */
const AT_ONCE = 100;
/** Initiators whose lists end together. */
const SESSIONS = 5;
/** Turns without another request, after which all that wait end together. */
const QUIET_TURNS = 100;
/** Ranges of one UNMAP. */
const RANGES = 2048;
/** What the last command of a turn may have over: decoding a list, and comparing it with those that are under way. */
const OVER = STEPS_PER_TURN;

/** What it is asked for is done later, one request a turn, so that there is much under way. */
class Later extends DeviceLayer {
	readonly #waiting: BlockRequest[] = [];

	protected handle(request: BlockRequest): void {
		request.park();
		if (this.#waiting.push(request) === 1) setImmediate(() => this.#next());
	}

	#next(): void {
		turn.begin();
		this.device.submit(this.#waiting[0]!);
		this.#waiting.shift();
		if (this.#waiting.length > 0) setImmediate(() => this.#next());
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

/** What it is asked for ends in one turn, as many as there are, as what workers have done does. */
class Together extends DeviceLayer {
	/** At once. */
	most = 0;
	readonly #waiting: BlockRequest[] = [];
	#turns = 0;

	protected handle(request: BlockRequest): void {
		request.park();
		this.#turns = QUIET_TURNS;
		if (this.#waiting.push(request) === 1) setImmediate(() => this.#next());
	}

	#next(): void {
		this.#turns -= 1;
		if (this.#turns > 0) {
			setImmediate(() => this.#next());
			return;
		}
		turn.begin();
		this.most = Math.max(this.most, this.#waiting.length);
		for (const each of this.#waiting.splice(0)) this.device.submit(each);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

function under(t: Test, device: BlockDevice = new Later(new MemoryDevice(DISK_BYTES))): ServerUnderTest {
	const server = new ServerUnderTest(new OrderingLayer(device));
	t.teardown(() => server.close());
	return server;
}

/** All of them at once: each is answered, and no turn is long. Returns the steps of each. */
async function cost(
	t: Test,
	server: ServerUnderTest,
	what: string,
	commandOf: (index: number) => CommandOptions,
): Promise<number> {
	const initiator = await server.session();
	const before = turn.total;
	const sent = Array.from({ length: AT_ONCE }, (_, index) => initiator.start(commandOf(index)).result);
	const statuses = new Set((await Promise.all(sent)).map((result) => result?.status));
	t.same([...statuses], [0], `${what}: all are done`);
	const steps = ((turn.total - before) | 0) / AT_ONCE;
	t.comment(`${what}: ${Math.round(steps)} steps each, ${turn.most} in the longest turn`);
	t.ok(turn.most <= STEPS_PER_TURN + OVER, `${what}: ${turn.most} steps in a turn`);
	initiator.close();
	return steps;
}

type Range = readonly [lba: number, blocks: number];

function unmapOf(ranges: readonly Range[]): CommandOptions {
	const write = Buffer.alloc(8 + 16 * ranges.length);
	write.writeUInt16BE(write.length - 2, 0);
	write.writeUInt16BE(write.length - 8, 2);
	for (const [index, [lba, blocks]] of ranges.entries()) {
		write.writeBigUInt64BE(BigInt(lba), 8 + 16 * index);
		write.writeUInt32BE(blocks, 16 + 16 * index);
	}
	return { cdb: cdb10(0x42, 0, write.length), write, immediate: write.length };
}

const all = (rangeOf: (index: number) => Range): Range[] =>
	Array.from({ length: RANGES }, (_, index) => rangeOf(index));

t.test("UNMAP, with lists of whatever shape", async (t) => {
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	const apart = BLOCKS / RANGES;
	const shapes: Readonly<Record<string, (command: number) => readonly Range[]>> = {
		"far apart": () => all((index) => [index * apart, 1]),
		"far apart, the last one first": () => all((index) => [(RANGES - 1 - index) * apart, 8]),
		"far apart, others each time": (command) => all((index) => [index * apart + 16 * command, 1]),
		"side by side": () => all((index) => [8 * index, 8]),
		"the same again and again": () => all(() => [0, BLOCKS]),
		"each within the one before": () => all((index) => [index, BLOCKS - 2 * index]),
		"each over the end of the one before": () =>
			all((index) => [index * apart, Math.min(2 * apart - 1, BLOCKS - index * apart)]),
		"all of the disk, in one": () => [[0, BLOCKS]],
		"nothing at all": () => all((index) => [index, 0]),
		"by chance": () =>
			all(() => {
				const lba = random.below(BLOCKS);
				return [lba, random.below(Math.min(4096, BLOCKS - lba))];
			}),
	};
	for (const [shape, ranges] of Object.entries(shapes)) {
		const steps = await cost(t, under(t), shape, (command) => unmapOf(ranges(command)));
		t.ok(steps < STEPS_PER_TURN, `${shape}: ${Math.round(steps)} steps for each list`);
	}
});

t.test("UNMAP, with long lists of several initiators that end together", async (t) => {
	const part = Math.floor(BLOCKS / (SESSIONS * AT_ONCE));
	const apart = Math.floor(part / RANGES);
	const device = new Together(new MemoryDevice(DISK_BYTES));
	const server = under(t, device);
	// (What overlaps would wait.)
	const list = (command: number) => unmapOf(all((index) => [part * command + index * apart, 1]));
	const initiators = await Promise.all(Array.from({ length: SESSIONS }, () => server.session()));
	const sent = initiators.flatMap((initiator, session) =>
		Array.from({ length: AT_ONCE }, (_, index) => initiator.start(list(session * AT_ONCE + index)).result),
	);
	const statuses = (await Promise.all(sent)).map((result) => result?.status);
	t.same([...new Set(statuses)], [0]);
	t.ok(device.most > AT_ONCE, `${device.most} of them end together`);
	t.ok(turn.most <= STEPS_PER_TURN + OVER, `${turn.most} steps in a turn`);
	for (const initiator of initiators) initiator.close();
});

t.test("WRITE SAME, of much and of all there is", async (t) => {
	const server = under(t);
	const write = Buffer.alloc(BLOCK, 7);
	const zeros = Buffer.alloc(BLOCK);
	const most = 1024 * (MIB / BLOCK);
	const some = MIB / BLOCK;
	const same = (block: Buffer, lba: number, blocks: number, flags = 0): CommandOptions => ({
		cdb: cdb16(0x93, lba, blocks, flags),
		write: block,
		immediate: BLOCK,
	});
	await cost(t, server, "a pattern", (index) => same(write, index * some, some));
	await cost(t, server, "zeros", (index) => same(zeros, index % 3, most - 3));
	await cost(t, server, "unmapped", (index) => same(zeros, index % 3, most - 3, 0x08));
});

t.test("GET LBA STATUS, of what is in as many pieces as can be", async (t) => {
	const server = under(t);
	const initiator = await server.session();
	for (let index = 0; index < 1024; index++) {
		const cdb = cdb10(0x2a, index * 256, 1);
		await initiator.command({ cdb, write: Buffer.alloc(BLOCK, 1), immediate: BLOCK });
	}
	initiator.close();
	for (const read of [24, 65_536])
		await cost(t, server, `${read} bytes`, (index) => {
			const cdb = cdb16(0x9e, index, read, 0x12);
			return { cdb, read };
		});
});

t.test("EXTENDED COPY, of as many segments as can be", async (t) => {
	const server = under(t);
	const unit = server.scsi.unit(0)!;
	const segments = (command: number): Buffer[] =>
		Array.from({ length: 64 }, (_, index) =>
			segmentOf({ blocks: 256, from: 256 * index, to: BLOCKS / 2 + 256 * (index + 64 * command) }),
		);
	const copies = (command: number): CommandOptions => {
		const write = listOf([targetOf(unit), targetOf(unit)], segments(command), 0, 3);
		return { cdb: copyCdb(write.length), write, immediate: write.length };
	};
	const initiator = await server.session();
	const sent = Array.from({ length: 16 }, (_, index) => initiator.start(copies(index)).result);
	const statuses = (await Promise.all(sent)).map((result) => result?.status);
	t.same([...new Set(statuses)], [0]);
	t.ok(turn.most <= STEPS_PER_TURN + OVER, `${turn.most} steps in a turn`);
	initiator.close();
});
