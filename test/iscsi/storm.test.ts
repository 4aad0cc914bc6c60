// Tasks that are aborted, sets that are cleared, units and targets that are reset, sessions that end or are taken over, at any moment of a
// command, on a disk that takes its time and keeps no order. What is answered is so, and what was broken off is over when that is said.

import t, { type Test } from "tap";
import type { BlockDevice } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { Random } from "../../lib/random.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { isidOf, MIB, ServerUnderTest } from "./server-under-test.js";
import { type Interruption, StormyInitiator } from "./storm.js";

const ROUNDS = rounds(20, 1500);
/** What is nobody else's business. */
const OWN: readonly Interruption[] = [
	...(["none", "abort each", "abort some", "abort set", "hang up", "come again", "log out"] as const),
];
const ALL: readonly Interruption[] = [...OWN, "clear set", "reset unit", "reset target"];

/** What it was asked for happens when it happens, and is not taken back. */
class Dawdling extends DeviceLayer {
	constructor(
		device: BlockDevice,
		readonly random: Random,
	) {
		super(device);
	}

	protected handle(request: BlockRequest): void {
		request.park();
		const ms = this.random.chance(0.4) ? this.random.below(15) : 0;
		setTimeout(() => this.device.submit(request), ms);
	}

	below(request: BlockRequest): void {
		request.resume();
	}

	override cancel(): void {}
}

async function storm(t: Test, initiators: number, interruptions: readonly Interruption[]): Promise<void> {
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	// (No layer keeps requests for the same bytes in order: what is not over when that is said is seen.)
	const server = new ServerUnderTest(new Dawdling(new MemoryDevice(64 * MIB), random));
	t.teardown(() => server.close());
	const all = Array.from(
		{ length: initiators },
		(_, i) => new StormyInitiator(server, new Random(random.seed + i), isidOf(i + 1), i * 4096),
	);
	await Promise.all(
		all.map(async (initiator, i) => {
			await initiator.begin();
			for (let round = 0; round < ROUNDS; round++) {
				// (Each kind as often as the others, in another order for each initiator.)
				const turnOf = (round * 3 + i + Math.floor(round / interruptions.length)) % interruptions.length;
				await initiator.round(interruptions[turnOf]!);
			}
			initiator.end();
		}),
	);
	for (const interruption of interruptions)
		t.ok(
			all.some(({ counts }) => (counts[interruption] ?? 0) > 0),
			interruption,
		);
	const isOver = (): boolean => server.server.rooms.takenBytes === 0 && server.disk.underWay === 0;
	await until("nothing is left behind", async () => Promise.resolve(isOver()), LIMIT_MS);
}

t.test("one initiator, in every way", (t) => storm(t, 1, ALL));
t.test("several, each its own", (t) => storm(t, 4, OWN));
