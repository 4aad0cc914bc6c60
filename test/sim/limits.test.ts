// Initiators of ours and disks with limits, in simulated time: what a greedy one costs others, and that to wait is no error.
import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Initiator } from "../../lib/client/initiator.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import type { LimitSpec } from "../../lib/spec/spec.js";
import { DelayLayer } from "../../lib/testing/delay-layer.js";
import { Lab, type LabOptions } from "../client/harness.js";

/** Of an initiator: while it waits for a limited disk, it may well ask again for a minute. */
const DEADLINE_MS = 60_000;
const DISK_MS = 1;
const GREEDY_REQUESTS = 200;
const POLITE_READS = 500;

function addInitiator(lab: Lab): Initiator {
	return new Initiator(lab.ether.link(lab.pump, {}), { clock: lab.clock, deadlineMs: DEADLINE_MS });
}

/** As many reads as the window allows, all the time. */
async function greedy(disk: RemoteDisk): Promise<void> {
	await Promise.all(Array.from({ length: GREEDY_REQUESTS }, (_, i) => disk.read(i, 1)));
}

/** What each of many reads, one after the other, takes the polite one. */
async function politely(
	limit: LimitSpec | undefined,
	greedyOnes: number,
	options: LabOptions,
): Promise<number[]> {
	const lab = new Lab({ deadlineMs: DEADLINE_MS, ...options });
	const slow = () =>
		new DelayLayer(new MemoryDevice(2 ** 20), { clock: lab.clock, minMs: DISK_MS, maxMs: DISK_MS });
	lab.target.serve(9, 0, slow());
	const work: Promise<void>[] = [];
	for (let slot = 1; slot <= greedyOnes; slot++) {
		const { disk } = lab.target.serve(9, slot, slow());
		const remote = await lab.run(addInitiator(lab).open(9, slot));
		disk.device.limit = limit;
		work.push(greedy(remote));
	}
	const polite = await lab.run(lab.initiator.open(9, 0));
	const tookMs: number[] = [];
	const read = async (): Promise<void> => {
		for (let i = 0; i < POLITE_READS; i++) {
			const fromMs = lab.clock.now();
			await polite.read(i, 1);
			tookMs.push(Math.round((lab.clock.now() - fromMs) * 1000) / 1000);
		}
	};
	await lab.run(Promise.all([read(), ...work]));
	return tookMs;
}

t.test("greedy initiators of limited disks cost another one nothing", async (t) => {
	const options = { link: { rooms: 64 } };
	const alone = await politely(undefined, 0, options);
	t.equal(alone.length, POLITE_READS);
	t.ok(Math.max(...alone) <= DISK_MS);
	t.same(await politely({ iops: 50 }, 5, options), alone, "each read takes as long as if it were alone");
});

t.test(
	"a limited disk is as fast as its limit, and nothing fails, is lost or done in another order",
	async (t) => {
		const lab = new Lab({ deadlineMs: DEADLINE_MS, link: { mtu: 1500 } });
		const { disk } = lab.target.serve(9, 0);
		const remote = await lab.run(lab.initiator.open(9, 0));
		disk.device.limit = { writeIops: 5 };
		const fromMs = lab.clock.now();
		// Rounds of writes to the same places: copies of what was sent again must not come after newer ones.
		for (let round = 1; round <= 5; round++) {
			const writes = Array.from({ length: 16 }, (_, i) => remote.write(i, new Uint8Array(512).fill(round)));
			await lab.run(Promise.all(writes));
			const found = await lab.run(remote.read(0, 16));
			t.ok(
				found.every((byte) => byte === round),
				`round ${round}`,
			);
		}
		const { retransmissions } = lab.initiator.stats;
		t.ok(retransmissions > 0, `${retransmissions} were sent again: answers came after that`);
		t.ok(lab.clock.now() - fromMs >= (5 * 16 - 1) * 200 - 100, "no faster than the limit");
		t.ok(disk.device.delayed > 5 * 15);
		t.ok(disk.device.delayedUs > 0);
		t.equal(disk.stats.errors + 0, 0);
	},
);

t.test("two initiators of one limited disk have about the same of it", async (t) => {
	const lab = new Lab({ deadlineMs: DEADLINE_MS });
	const { disk } = lab.target.serve(9, 0);
	const first = await lab.run(lab.initiator.open(9, 0));
	const second = await lab.run(addInitiator(lab).open(9, 0));
	disk.device.limit = { iops: 100 };
	const ends: number[] = [];
	const run = async (remote: RemoteDisk): Promise<void> => {
		await greedy(remote);
		ends.push(lab.clock.now());
	};
	await lab.run(Promise.all([run(first), run(second)]));
	const [early = 0, late = 0] = ends;
	t.ok(
		early > late * 0.6,
		`one was ready after ${Math.round(early)}, the other after ${Math.round(late)} ms`,
	);
});

t.test("one that asks for little gets it from a disk of which another wants all", async (t) => {
	const lab = new Lab({ deadlineMs: DEADLINE_MS });
	const { disk } = lab.target.serve(9, 0);
	const greedyOne = await lab.run(lab.initiator.open(9, 0));
	const polite = await lab.run(addInitiator(lab).open(9, 0));
	disk.device.limit = { iops: 20 };
	const all = greedy(greedyOne);
	for (let i = 0; i < 10; i++) {
		const fromMs = lab.clock.now();
		await lab.run(polite.read(i, 1));
		const tookMs = lab.clock.now() - fromMs;
		t.ok(
			tookMs <= 2000,
			`read ${i} took ${Math.round(tookMs)} ms: it stands in line, and finds a place there`,
		);
	}
	await lab.run(all);
});
