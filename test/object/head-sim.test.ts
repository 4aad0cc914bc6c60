/**
 * Several who move one head that answers badly, by a seed, on a virtual clock: whoever is told that his swap was done finds it in all
 * that the head ever was, whoever is told that it was not never does, however late it would be done; and no swap is done twice.
 */

import t from "tap";
import { Head } from "../../lib/object/head.js";
import { NONCE_BYTES, unframed } from "../../lib/object/head-frame.js";
import { Random } from "../../lib/random.js";
import { type HeadFaults, MemoryHead } from "../../lib/testing/memory-head.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { rounds } from "../support/long.js";

const WRITERS = 4;
const SWAPS = 15;
const LONG_MS = 1e8;

interface Told {
	readonly nonce: string;
	readonly outcome: "done" | "lost" | "unknown" | "failed";
}

async function write(head: Head, random: Random, told: Told[]): Promise<void> {
	for (let number = 0; number < SWAPS; number++) {
		const found = await head.read().catch(() => undefined);
		if (found === undefined) continue;
		const nonce = Buffer.from(Array.from({ length: NONCE_BYTES }, () => random.below(256)));
		// Some ask for longer than others.
		const limitMs = random.pick([500, 5_000, 60_000]);
		const swap = head.swap(found?.revision ?? null, Buffer.from(String(number)), nonce, { limitMs });
		const outcome = await swap.then(
			(swapped) => swapped.outcome,
			() => "failed" as const,
		);
		told.push({ nonce: nonce.toString("hex"), outcome });
	}
}

async function run(seed: number, faults: HeadFaults): Promise<{ told: Told[]; done: string[] }> {
	const clock = new VirtualClock();
	const random = new Random(seed);
	const backend = new MemoryHead({ clock, random, faults, latencyMs: 50 });
	const told: Told[] = [];
	const writers = Array.from({ length: WRITERS }, () =>
		write(new Head(backend, { clock, random }), random, told),
	);
	await clock.until(Promise.all(writers), LONG_MS);
	// What is late comes now.
	while (clock.step());
	return { told, done: backend.values.map((value) => unframed("head", value).nonce.toString("hex")) };
}

t.test("what is told of swaps is true", async (t) => {
	const faults = { refusal: 0.1, lostAnswer: 0.15, late: 0.15, silence: 0.05 };
	const seen = new Set<string>();
	for (let seed = 1; seed <= rounds(60, 3000); seed++) {
		const { told, done } = await run(seed, faults);
		const wrong = told.filter(({ nonce, outcome }) => {
			seen.add(outcome);
			const isThere = done.includes(nonce);
			return outcome === "done" ? !isThere : outcome !== "unknown" && isThere;
		});
		if (wrong.length > 0 || new Set(done).size !== done.length)
			t.fail(`seed ${seed}: ${JSON.stringify(wrong)}`);
	}
	for (const outcome of ["done", "lost", "unknown"]) t.ok(seen.has(outcome), `some are ${outcome}`);
});

t.test("where nothing goes wrong, everybody knows", async (t) => {
	const { told, done } = await run(1, {});
	t.notOk(told.some(({ outcome }) => outcome === "unknown" || outcome === "failed"));
	t.equal(told.filter(({ outcome }) => outcome === "done").length, done.length);
});
