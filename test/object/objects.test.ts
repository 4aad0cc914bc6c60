/** What `Objects` makes of a store that is bad by a seed: on a virtual clock, so that hours of it take no time. */

import t from "tap";
import type { Limits } from "../../lib/object/attempts.js";
import { ObjectError } from "../../lib/object/errors.js";
import { Objects } from "../../lib/object/objects.js";
import { Random } from "../../lib/random.js";
import { MemoryObjects, type ObjectFaults } from "../../lib/testing/memory-objects.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { rounds } from "../support/long.js";

interface Stage {
	readonly clock: VirtualClock;
	readonly backend: MemoryObjects;
	readonly store: Objects;
}

function stage(seed: number, faults: ObjectFaults = {}, limits: Partial<Limits> = {}, latencyMs = 20): Stage {
	const clock = new VirtualClock();
	const random = new Random(seed);
	const backend = new MemoryObjects({ clock, random, faults, latencyMs });
	return { clock, backend, store: new Objects(backend, { clock, random, limits }) };
}

function kindOf(promise: Promise<unknown>): Promise<unknown> {
	return promise.catch((error: unknown) => (error instanceof ObjectError ? error.kind : error));
}

const PATIENT = { attempts: 1000, limitMs: 10_000_000 };

t.test("a bad store loses nothing, and says nothing that is wrong", async (t) => {
	const faults = {
		refusal: 0.2,
		lostAnswer: 0.2,
		late: 0.1,
		silence: 0.02,
		short: 0.2,
		garbled: 0.2,
		stale: 0.2,
	};
	for (let seed = 1; seed <= rounds(15, 500); seed++) {
		const { clock, backend, store } = stage(seed, faults, PATIENT);
		const names = Array.from({ length: 20 }, (_, number) => `object/${number}`);
		const put = names.map((name) => kindOf(store.put(name, Buffer.from(`these are ${name}`))));
		const outcomes = await clock.until(Promise.all(put), 1e9);
		t.notOk(outcomes.includes("clash"), `seed ${seed}: none meets another one in its own place`);
		t.equal(backend.objects.size, names.length, "all are there");
		for (const name of names) {
			const found = await clock.until(
				kindOf(store.get(name, { offset: 6, length: 3 }, { newest: true })),
				1e9,
			);
			t.ok(found === "damaged" || String(found) === "are", `${name}: right, or known to be wrong`);
		}
		const others = names.map((name) => store.put(name, Buffer.from(`those are ${name}`)));
		const clashes = await clock.until(Promise.allSettled(others), 1e9);
		t.notOk(
			clashes.some((result) => result.status === "fulfilled" && result.value !== "clash"),
			"nobody is told that he has written over one",
		);
		t.ok(
			[...backend.objects.values()].every((bytes) => bytes.toString().startsWith("these")),
			"and nobody has",
		);
	}
});

t.test("a PUT whose answer was lost is found to be done", async (t) => {
	const { clock, backend, store } = stage(1, { lostAnswer: 1 });
	const put = store.put("a", Buffer.from("bytes"));
	clock.after(60, () => {
		backend.faults = {};
	});
	t.equal(await clock.until(put), "same", "the same bytes are there");
	t.equal(backend.objects.get("a")?.toString(), "bytes", "they are");
});

t.test("a store that is away is waited for, within limits, and heals by itself", async (t) => {
	const { clock, backend, store } = stage(2);
	await clock.until(store.put("a", Buffer.from("bytes")));
	backend.isAway = true;
	const get = store.get("a");
	clock.after(8_000, () => {
		backend.isAway = false;
	});
	t.equal((await clock.until(get)).toString(), "bytes", "it came back after eight seconds");
	const before = backend.counts.all().length;
	backend.isAway = true;
	t.equal(await clock.until(kindOf(store.get("a"))), "unavailable", "it did not");
	t.equal(await clock.until(kindOf(store.get("a", undefined, { limitMs: 300 }))), "unavailable", "in 300 ms");
	t.equal(await clock.until(kindOf(store.head("none"))), "unavailable", "what is away is not absent");
	backend.isAway = false;
	t.equal(await clock.until(kindOf(store.get("none"))), "absent", "what is absent is, at once");
	t.ok(
		before > 0 && backend.counts.all().some(({ op, code }) => op === "get" && code === "unavailable"),
		"counted",
	);
});

t.test("what fails is tried so often and no more, with pauses that grow", async (t) => {
	const { clock, backend, store } = stage(3, {}, { attempts: 6, firstPauseMs: 100, mostPauseMs: 800 }, 0);
	const tries: number[] = [];
	backend.head = async () => {
		tries.push(clock.now());
		throw new ObjectError("unavailable", "503");
	};
	t.equal(await clock.until(kindOf(store.head("a"))), "unavailable");
	const pauses = tries.slice(1).map((at, index) => at - tries[index]!);
	t.equal(tries.length, 6, "six times");
	for (const [index, longest] of [100, 200, 400, 800, 800].entries())
		t.ok(pauses[index]! >= longest / 2 && pauses[index]! <= longest, `pause ${index}: ${pauses[index]}`);
	t.equal(new Set(pauses.slice(-2)).size, 2, "no two are alike");
});

t.test("who does not answer is given up, and so is who does not listen", async (t) => {
	const { clock, backend, store } = stage(4, { silence: 1 }, { attempts: 3, attemptMs: 1000 });
	t.equal(await clock.until(kindOf(store.get("a"))), "unavailable", "a store that is silent");
	backend.get = () => new Promise(() => undefined);
	t.equal(await clock.until(kindOf(store.get("a"))), "unavailable", "a backend that hears no signal");
	const why = new Error("no more");
	const controller = new AbortController();
	const given = store.get("a", undefined, { signal: controller.signal });
	clock.after(10, () => controller.abort(why));
	t.equal(await clock.until(kindOf(given)), why, "who asked has had enough");
	const open = kindOf(store.get("a"));
	await store.close();
	t.equal(await clock.until(open), "unavailable", "closed");
});

t.test("no more is under way at once than there is room for", async (t) => {
	const { clock, backend, store } = stage(5);
	await clock.until(store.put("a", Buffer.from("bytes")));
	const warnings: Error[] = [];
	const warned = (warning: Error): number => warnings.push(warning);
	process.on("warning", warned);
	const gets = Array.from({ length: 200 }, () => store.get("a", { offset: 0, length: 5 }));
	t.equal((await clock.until(Promise.all(gets))).length, 200, "all are answered");
	t.equal(backend.mostUnderWay, 32, "32 at once");
	process.off("warning", warned);
	t.strictSame(warnings, [], "and nobody is warned of that");
});

t.test("who waits for others is not given up for that", async (t) => {
	const clock = new VirtualClock();
	const random = new Random(7);
	const backend = new MemoryObjects({ clock, random });
	const store = new Objects(backend, { clock, random, atOnce: 1, limits: { attemptMs: 1000 } });
	let asked = 0;
	backend.head = async () => {
		asked += 1;
		await new Promise<void>((resolve) => clock.after(900, resolve));
		return asked;
	};
	const heads = Array.from({ length: 10 }, () => store.head("a"));
	t.equal(
		(await clock.until(Promise.all(heads))).length,
		10,
		"all of ten that take nine seconds, one after the other",
	);
	t.equal(asked, 10, "each was asked once");
});

t.test("what hangs has its place until it is over, whoever has given up", async (t) => {
	const clock = new VirtualClock();
	const random = new Random(8);
	const backend = new MemoryObjects({ clock, random });
	const store = new Objects(backend, { clock, random, atOnce: 2, limits: { attemptMs: 100, limitMs: 5000 } });
	const hanging: (() => void)[] = [];
	backend.head = () => new Promise((resolve) => hanging.push(() => resolve(5)));
	const heads = Array.from({ length: 6 }, () => kindOf(store.head("a")));
	await clock.until(Promise.all(heads));
	t.equal(hanging.length, 2, "two hang, and no third one");
	for (const goOn of hanging) goOn();
	backend.head = async () => 5;
	t.equal(await clock.until(store.head("a")), 5, "when they are over, others are served");
});

t.test("nothing is absent for want of a container", async (t) => {
	const { clock, backend, store } = stage(6);
	await clock.until(store.put("a", Buffer.from("bytes")));
	backend.hasContainer = false;
	t.equal(await clock.until(kindOf(store.get("a"))), "refused", "get");
	t.equal(await clock.until(kindOf(store.head("a"))), "refused", "head");
});
