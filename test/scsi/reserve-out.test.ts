// Persistent reservations as values: each service action against each type, from the tables of SPC-4, 5.13. And a seeded run in which what must hold
// for every state is looked at after each step.

import t from "tap";
import { Hold } from "../../lib/holds.js";
import { Random } from "../../lib/random.js";
import { ReserveOut } from "../../lib/scsi/opcodes.js";
import {
	holdAgainst,
	isHolder,
	NOTHING_RESERVED,
	type Persistent,
	REGISTRATIONS_MAX,
	type Registrant,
} from "../../lib/scsi/persistent.js";
import { Asc } from "../../lib/scsi/protocol.js";
import { carryOut, type OutOutcome, type OutRequest } from "../../lib/scsi/reserve-out.js";

const TYPES = [1, 3, 5, 6, 7, 8] as const;
const { register, reserve, release, clear, preempt, preemptAndAbort, registerAndIgnore, registerAndMove } =
	ReserveOut;

function who(name: string): Registrant {
	return { nexus: name, initiatorPort: name, relativePort: 1 };
}

/** A unit, and what each who is named does to it. */
class Play {
	state: Persistent = NOTHING_RESERVED;
	told: string[] = [];
	aborted: readonly string[] = [];

	/** "good", "conflict", or the additional sense code. */
	act(name: string, action: number, parts: Partial<Omit<OutRequest, "action" | "registrant">> = {}): string {
		const outcome = carryOut(this.state, {
			action,
			scope: 0,
			type: 0,
			key: 0n,
			actionKey: 0n,
			registrant: who(name),
			others: [],
			isKept: false,
			unregisters: false,
			...parts,
		});
		return this.#took(outcome);
	}

	#took(outcome: OutOutcome): string {
		if (outcome === "conflict") return "conflict";
		if ("sense" in outcome) return outcome.sense.asc.toString(16);
		this.state = outcome.state;
		this.told = outcome.told.map(([nexus, asc]) => `${nexus} ${asc.toString(16)}`).sort();
		this.aborted = outcome.aborted ?? [];
		return "good";
	}

	/** Each named is registered by a key: `a`, 10. */
	registered(...names: readonly (readonly [string, bigint])[]): this {
		for (const [name, actionKey] of names) this.act(name, register, { actionKey });
		return this;
	}

	get keys(): string {
		return [...this.state.registrations].map(([name, { key }]) => `${name}${key}`).join(" ");
	}

	/** `type holder`. */
	get held(): string {
		const { reservation } = this.state;
		return reservation === null ? "" : `${reservation.type} ${reservation.holder}`.trim();
	}
}

const three = (): Play => new Play().registered(["a", 1n], ["b", 2n], ["c", 3n]);

t.test("registering", (t) => {
	const play = new Play();
	t.equal(play.act("a", register, { key: 5n, actionKey: 1n }), "conflict", "he has no key yet");
	t.equal(play.act("a", register, { actionKey: 1n }), "good");
	t.equal(play.act("a", register, { key: 2n, actionKey: 7n }), "conflict", "it is another");
	t.equal(play.act("a", register, { key: 1n, actionKey: 7n }), "good");
	t.equal(play.keys, "a7");
	t.equal(play.state.generation, 2);
	t.equal(play.act("a", registerAndIgnore, { key: 99n, actionKey: 8n }), "good");
	t.equal(play.act("b", registerAndIgnore, { actionKey: 8n, isKept: true }), "good");
	t.equal(play.keys, "a8 b8");
	t.equal(play.state.isKept, true, "as whoever registers last wants");
	t.equal(play.act("c", register), "good", "none is no key");
	t.equal(play.keys, "a8 b8");
	t.equal(play.act("a", register, { key: 8n }), "good");
	t.equal(play.act("b", registerAndIgnore), "good");
	t.equal(play.keys, "");
	t.equal(play.state.generation, 7);
	t.end();
});

t.test("registering others", (t) => {
	const play = new Play();
	t.equal(play.act("a", register, { actionKey: 1n, others: [who("b"), who("c")] }), "good");
	t.equal(play.keys, "a1 b1 c1");
	t.equal(play.act("a", register, { key: 1n, actionKey: 2n, others: [who("d")] }), "2400");
	t.equal(play.act("d", register, { actionKey: 2n, others: [who("b")] }), "2600");
	t.equal(play.keys, "a1 b1 c1", "all or none");
	const others = Array.from({ length: REGISTRATIONS_MAX }, (_, i) => who(`n${i}`));
	t.equal(play.act("d", register, { actionKey: 2n, others }), "5504");
	t.equal(play.keys, "a1 b1 c1");
	t.end();
});

for (const type of TYPES) {
	const isAll = type >= 7;
	const lets = type >= 5;

	t.test(`reserving and releasing, type ${type}`, (t) => {
		const play = three();
		t.equal(play.act("d", reserve, { type }), "conflict", "who is not registered");
		t.equal(play.act("a", reserve, { key: 2n, type }), "conflict", "by another key");
		t.equal(play.act("a", reserve, { key: 1n, type: 2 }), "2400");
		t.equal(play.act("a", reserve, { key: 1n, type, scope: 1 }), "2400");
		t.equal(play.act("a", reserve, { key: 1n, type }), "good");
		t.equal(play.held, isAll ? `${type}` : `${type} a`);
		t.equal(play.act("a", reserve, { key: 1n, type }), "good", "once more");
		t.equal(play.act("b", reserve, { key: 2n, type }), isAll ? "good" : "conflict");
		t.equal(play.act("a", reserve, { key: 1n, type: type === 1 ? 3 : 1 }), "conflict", "another type");
		const hold = type % 2 === 1 && type !== 3 ? Hold.writing : Hold.all;
		t.equal(holdAgainst(play.state, "a"), Hold.none);
		t.equal(holdAgainst(play.state, "b"), lets ? Hold.none : hold);
		t.equal(holdAgainst(play.state, "d"), hold);
		const { generation } = play.state;
		t.equal(play.act("b", release, { key: 2n, type }), "good");
		t.equal(play.held === "", isAll, "only who holds it releases it");
		if (isAll) play.act("a", reserve, { key: 1n, type });
		t.equal(play.act("a", release, { key: 1n, type: type === 1 ? 3 : 1 }), "2604");
		t.equal(play.act("a", release, { key: 1n, type, scope: 2 }), "2604");
		t.equal(play.act("a", release, { key: 1n, type }), "good");
		t.same(play.told, lets ? ["b 2a04", "c 2a04"] : []);
		t.equal(play.held, "");
		t.equal(play.state.generation, generation);
		t.equal(play.act("a", release, { key: 1n, type }), "good", "nothing to release");
		t.same(play.told, []);
		t.end();
	});

	t.test(`who holds it is registered no longer, type ${type}`, (t) => {
		const play = three();
		play.act("a", reserve, { key: 1n, type });
		play.act("a", register, { key: 1n });
		t.equal(play.held, isAll ? `${type}` : "");
		t.same(play.told, lets && !isAll ? ["b 2a04", "c 2a04"] : []);
		for (const [name, key] of [
			["b", 2n],
			["c", 3n],
		] as const)
			play.act(name, register, { key });
		t.equal(play.held, "");
		t.end();
	});

	t.test(`clearing, type ${type}`, (t) => {
		const play = three();
		play.act("a", reserve, { key: 1n, type });
		t.equal(play.act("d", clear), "conflict");
		t.equal(play.act("b", clear, { key: 2n }), "good");
		t.same([play.keys, play.held], ["", ""]);
		t.same(play.told, ["a 2a03", "c 2a03"]);
		t.end();
	});

	t.test(`preempting who holds it, type ${type}`, (t) => {
		const play = three();
		play.act("a", reserve, { key: 1n, type });
		t.equal(play.act("d", preempt, { actionKey: 1n, type: 1 }), "conflict");
		const holder = isAll ? 0n : 1n;
		t.equal(play.act("b", preempt, { key: 2n, actionKey: holder, type: 2 }), "2400");
		const to = type === 1 ? 3 : 1;
		t.equal(play.act("b", preemptAndAbort, { key: 2n, actionKey: holder, type: to }), "good");
		t.equal(play.held, `${to} b`);
		t.equal(play.keys, isAll ? "b2" : "b2 c3");
		t.same(
			play.told,
			isAll ? ["a 2a05", "c 2a05"] : ["a 2a05", "c 2a04"],
			"of the type that is another, too",
		);
		t.same(play.aborted, isAll ? ["a", "c"] : ["a"]);
		const again = three();
		again.act("a", reserve, { key: 1n, type });
		again.act("b", preempt, { key: 2n, actionKey: holder, type });
		t.same(again.told, isAll ? ["a 2a05", "c 2a05"] : ["a 2a05"]);
		t.same(again.aborted, []);
		t.end();
	});

	t.test(`preempting registrations alone, type ${type}`, (t) => {
		const play = three().registered(["d", 3n]);
		play.act("a", reserve, { key: 1n, type });
		const { generation } = play.state;
		t.equal(play.act("b", preempt, { key: 2n, actionKey: 9n, type }), "conflict", "nobody has that key");
		if (!isAll) t.equal(play.act("b", preempt, { key: 2n, type }), "2600", "no key");
		t.equal(play.act("b", preempt, { key: 2n, actionKey: 3n, type }), "good");
		t.same(play.told, ["c 2a05", "d 2a05"]);
		t.equal(play.keys, "a1 b2");
		t.equal(play.held, isAll ? `${type}` : `${type} a`);
		t.equal(play.state.generation, generation + 1);
		t.end();
	});
}

t.test("preempting where nothing is reserved", (t) => {
	const play = three();
	t.equal(play.act("a", preempt, { key: 1n, actionKey: 0n, type: 1 }), "2600");
	t.equal(play.act("a", preempt, { key: 1n, actionKey: 2n, type: 1 }), "good");
	t.same([play.keys, play.held, play.told], ["a1 c3", "", ["b 2a05"]]);
	t.end();
});

t.test("preempting himself", (t) => {
	const play = three().registered(["d", 1n]);
	play.act("a", reserve, { key: 1n, type: 5 });
	t.equal(play.act("a", preempt, { key: 1n, actionKey: 1n, type: 6 }), "good");
	t.same([play.keys, play.held], ["a1 b2 c3", "6 a"], "he keeps what he has");
	t.same(play.told, ["b 2a04", "c 2a04", "d 2a05"]);
	t.equal(play.act("b", preemptAndAbort, { key: 2n, actionKey: 2n, type: 6 }), "good");
	t.same([play.keys, play.held, play.told, play.aborted], ["a1 c3", "6 a", [], []]);
	t.end();
});

t.test("moving", (t) => {
	const play = three();
	const move = { key: 1n, actionKey: 9n, others: [who("d")] };
	t.equal(play.act("a", registerAndMove, move), "conflict", "nothing is reserved");
	play.act("a", reserve, { key: 1n, type: 6 });
	t.equal(play.act("b", registerAndMove, { ...move, key: 2n }), "conflict", "not his");
	t.equal(play.act("a", registerAndMove, { ...move, actionKey: 0n }), "2600");
	t.equal(play.act("a", registerAndMove, { ...move, others: [who("a")] }), "2600");
	t.equal(play.act("a", registerAndMove, move), "good");
	t.same([play.keys, play.held], ["a1 b2 c3 d9", "6 d"]);
	t.equal(
		play.act("d", registerAndMove, { key: 9n, actionKey: 4n, others: [who("b")], unregisters: true }),
		"good",
	);
	t.same([play.keys, play.held], ["a1 b4 c3", "6 b"]);
	play.act("b", release, { key: 4n, type: 6 });
	play.act("b", reserve, { key: 4n, type: 8 });
	t.equal(play.act("b", registerAndMove, { ...move, key: 4n }), "conflict", "all hold it");
	t.end();
});

t.test("an action that there is not", (t) => {
	t.equal(three().act("a", 8, { key: 1n }), "2400");
	t.equal(three().act("a", 8, { key: 9n }), "conflict");
	t.end();
});

t.test("whatever is done, what must hold does", (t) => {
	const random = new Random(14);
	const names = ["a", "b", "c", "d", "e"];
	const keys = [0n, 1n, 2n, 3n];
	const pick = <T>(all: readonly T[]): T => all[random.below(all.length)]!;
	const seen = new Map<string, number>();
	const play = new Play();
	for (let step = 0; step < 20_000; step++) {
		const name = pick(names);
		const before = play.state;
		const key = random.below(4) > 0 ? (before.registrations.get(name)?.key ?? 0n) : pick(keys);
		const result = play.act(name, random.below(8), {
			key,
			actionKey: pick(keys),
			type: random.below(10),
			scope: random.below(20) === 0 ? 1 : 0,
			others: [who(pick(names))],
			unregisters: random.below(2) === 0,
		});
		seen.set(result, (seen.get(result) ?? 0) + 1);
		const { reservation, registrations, generation } = play.state;
		if (result !== "good" && play.state !== before) t.fail(`step ${step}: changed all the same`);
		if (generation < before.generation) t.fail(`step ${step}: the generation goes back`);
		if ([...registrations.values()].some((each) => each.key === 0n)) t.fail(`step ${step}: no key`);
		if (reservation !== null && !names.some((each) => isHolder(play.state, each)))
			t.fail(`step ${step}: nobody holds it`);
		if (play.told.some((told) => result === "good" && told.startsWith(`${name} `)))
			t.fail(`step ${step}: he is told of himself`);
	}
	for (const result of ["good", "conflict", Asc.invalidField.toString(16), "2600", "2604"])
		t.ok((seen.get(result) ?? 0) > 20, `${result}: ${seen.get(result)}`);
	t.end();
});
