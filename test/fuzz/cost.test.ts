/**
 * No frame buys more than it may: a bound for each family of commands, on counts alone. And proof that the oracle can tell:
 * storage that does as it used to is caught.
 */

import t from "tap";
import { DeviceLayer } from "../../lib/block/layer.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { pairsOf } from "../../lib/block/ranges.js";
import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { makeBench, TestCommand } from "../ata/bench.js";
import { fill, Noted } from "../block/devices.js";
import { rounds } from "../support/long.js";
import { type Cost, DEAREST, dearest, type Kind, SLOTS } from "./cost.js";
import { FAMILY_NAMES } from "./families.js";

const FRAMES = rounds(600, 6000);
const MTU = 9000;
/** Blades that a broadcast may mean here. */
const BLADES = 3;
/** The most entries that a list has, and stretches that it is kept in; and how many of those are under way at most. */
const ENTRIES = 1088;
const STRETCHES = 64;
const UNDER_WAY = (STRETCHES * SLOTS) / 2;
/** To find a stretch among those and to take it in; to take it out. */
const SEARCH = 8 * Math.ceil(Math.log2(UNDER_WAY));
/** Of a reply: it is written, and what is asked for is looked at. */
const CONTROL = 2 * (MTU + 14);

/** Those that came since the last search, at most 512 (`MANY` of lib/block/ordering.ts), are taken in by the next one. */
const CATCH_UP = 512 * 32;

const REQUEST: Cost = { steps: CATCH_UP + 2 * SEARCH, requests: 1, ranges: 1, bytes: MTU + 14 };
const LIST: Cost = { steps: 4 * ENTRIES + 2 * STRETCHES * SEARCH, requests: 1, ranges: ENTRIES, bytes: 60 };
const ANSWER: Cost = { steps: CONTROL, requests: 0, ranges: 0, bytes: MTU + 14 };

const BOUNDS: Readonly<Record<Kind, Cost>> = {
	transfer: REQUEST,
	verify: REQUEST,
	trim: { ...LIST, ranges: 64 },
	smart: REQUEST,
	settings: REQUEST,
	anyAta: REQUEST,
	config: ANSWER,
	mask: ANSWER,
	reserve: ANSWER,
	vendor: REQUEST,
	broadcast: { ...ANSWER, steps: BLADES * CONTROL, bytes: BLADES * (MTU + 14) },
	lists: LIST,
	"lists in a row": LIST,
	"whole disks": LIST,
	"long verifies": REQUEST,
};
/** What it may cost when the storage has done a request: what waited for it is let go. */
const COMPLETION_STEPS = UNDER_WAY * SEARCH;

function excess(found: Cost, bound: Cost): string[] {
	return (["steps", "requests", "ranges", "bytes"] as const).flatMap((what) =>
		found[what] > bound[what] ? [`${what}: ${found[what]} > ${bound[what]}`] : [],
	);
}

const seed = Number(process.env.FUZZ_SEED || 0) || Math.floor(Math.random() * 0x7fffffff);

// Before the others, which leave commands of this kind unfinished.
t.test(
	"what a hundred long commands buy in one turn of the loop is no more than what one buys",
	async (t) => {
		const { disk, device } = makeBench({ sizeBytes: 2 ** 30 });
		const commands = Array.from({ length: 100 }, () =>
			new TestCommand().fill({ command: 0x42, count: 0, lba: 0, extended: true }),
		);
		for (const { command } of commands) disk.execute(command);
		t.ok(device.requests <= commands.length + 32, "the first request of each, and some");
		for (let turns = 0; turns < 50; turns++) {
			const before = device.requests;
			await new Promise((resolve) => setImmediate(resolve));
			if (device.requests - before > 64) t.fail(`${device.requests - before} requests in a turn`);
		}
		t.ok(device.requests >= commands.length + 32 * 49, `and they go on: ${device.requests}`);
		device.fault = { op: "read", lba: 0, status: StorageStatus.mediumError, errno: 5 };
		device.info = { ...device.info, sizeBytes: 512 };
		while (commands.some(({ answers }) => answers === 0))
			await new Promise((resolve) => setImmediate(resolve));
	},
);

for (const kind of [...FAMILY_NAMES, ...DEAREST])
	t.test(`what one frame buys: ${kind}`, async (t) => {
		const { frame, completion } = dearest(kind, FRAMES, seed, (device) => new OrderingLayer(device));
		t.comment(`FUZZ_SEED=${seed}: ${JSON.stringify(frame)}; a completion ${JSON.stringify(completion)}`);
		t.same(excess(frame, BOUNDS[kind]), [], "no more than it may");
		t.ok(completion.steps < COMPLETION_STEPS, "nor does what follows");
	});

/** Each range of a list is a request of its own. */
class RangeByRange extends DeviceLayer {
	protected handle(request: BlockRequest): void {
		if (request.ranges === null) {
			this.device.submit(request);
			return;
		}
		for (const [offset, length] of pairsOf(request.ranges)) {
			this.device.submit(fill(new Noted("", []), BlockOp.trim, offset, length).begin());
		}
	}

	below(): void {}
}

t.test("the oracle catches what costs too much", async (t) => {
	const eachWithAll = dearest(
		"lists",
		FRAMES,
		seed,
		(device) => new OrderingLayer(device, { few: 1e6, many: 1e6 }),
	);
	t.match(excess(eachWithAll.frame, LIST), [/steps/], "each list compared with all others");
	const apart = dearest("lists", 5, seed, (device) => new RangeByRange(new OrderingLayer(device)));
	t.match(excess(apart.frame, LIST), [/steps/, /requests/], "each range a request of its own");
});
