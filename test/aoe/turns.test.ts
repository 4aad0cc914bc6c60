/** What is due is moved on when it is due, in order, some at a time. Mirrors lib/aoe/turns.ts. */

import fc from "fast-check";
import t from "tap";
import { STEPS_PER_TURN, Turns } from "../../lib/aoe/turns.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

interface Item {
	dueMs: number;
	readonly name: number;
}

const item = (name: number): Item => ({ dueMs: Infinity, name });
const nobody = (): void => {};

/** Each item is moved on once. */
function once() {
	const clock = new VirtualClock();
	const steps: [name: number, ms: number][] = [];
	const step = (one: Item, nowMs: number): void => {
		steps.push([one.name, nowMs]);
		one.dueMs = Infinity;
	};
	return { clock, steps, turns: new Turns<Item>(clock, step, nobody) };
}

t.test("each when it is due, whatever it was due at before", async () => {
	const times = fc.array(fc.tuple(fc.nat(9), fc.nat(500)), { maxLength: 60 });
	fc.assert(
		fc.property(times, fc.array(fc.nat(9)), (sets, never) => {
			const { clock, steps, turns } = once();
			const items = Array.from({ length: 10 }, (_, name) => item(name));
			for (const [name, ms] of sets) turns.set(items[name]!, ms);
			for (const name of never) items[name]!.dueMs = Infinity;
			const due = items.filter(({ dueMs }) => dueMs < Infinity).map(({ name, dueMs }) => [name, dueMs]);
			clock.pass(1000);
			const inTime = steps.every(([, ms], at) => ms >= (steps[at - 1]?.[1] ?? 0));
			const wanted = JSON.stringify(due.sort());
			if (!inTime || JSON.stringify([...steps].sort()) !== wanted) throw new Error(`${steps}\n${wanted}`);
		}),
	);
});

t.test("of thousands that are due at once some in a turn, the first first", async (t) => {
	const { clock, steps, turns } = once();
	const count = 3 * STEPS_PER_TURN + 1;
	for (let name = 0; name < count; name++) turns.set(item(name), 5);
	clock.pass(5);
	t.equal(steps.length, STEPS_PER_TURN);
	clock.pass(1000);
	t.strictSame(
		steps.map(([name]) => name),
		Array.from({ length: count }, (_, name) => name),
	);
	t.strictSame([...new Set(steps.map(([, ms]) => ms))], [5, 15, 25, 35]);
});

t.test("one that is due again at once comes again, and waits for none that is due later", async (t) => {
	const clock = new VirtualClock();
	const steps: number[] = [];
	const step = (one: Item, nowMs: number): void => {
		steps.push(nowMs);
		one.dueMs = steps.length < 3 ? nowMs : Infinity;
	};
	const turns = new Turns<Item>(clock, step, nobody);
	turns.set(item(0), 7);
	turns.set({ ...item(1), dueMs: Infinity }, 100_000);
	clock.pass(10);
	t.strictSame(steps, [7, 7, 7]);
	turns.stop();
});
