/**
 * What every object store must do, as tests that any of them can be put through: a store goes in, reports come out. Called by the
 * tests of each store; it needs no test runner: `ObjectReporter` is as much of one as it uses, and a tap `t` fits.
 */

import { ObjectError, type ObjectFault } from "../object/errors.js";
import { NAME_MAX_CHARACTERS, type ObjectStore } from "../object/store.js";
import { Random } from "../random.js";

export interface ObjectReporter {
	test(name: string, body: (t: ObjectAssertions) => Promise<void>): PromiseLike<unknown>;
}

export interface ObjectAssertions {
	equal(found: unknown, wanted: unknown, message: string): unknown;
	ok(value: unknown, message: string): unknown;
}

export interface ObjectSuiteOptions {
	/** Of several who write one name at once no two are told that they have: not every store promises it. */
	readonly isExclusive: boolean;
}

/** Runs the suite; `makeStore` is called once per test, and gives a store that is new and not opened. */
export async function objectConformance(
	reporter: ObjectReporter,
	name: string,
	makeStore: () => Promise<ObjectStore>,
	options: ObjectSuiteOptions,
): Promise<void> {
	for (const [title, body] of Object.entries({ ...cases, ...(options.isExclusive ? exclusive : {}) })) {
		await reporter.test(`${name}: ${title}`, async (t) => {
			const store = await makeStore();
			try {
				await store.open();
				await body(t, store);
			} finally {
				await store.close();
			}
		});
	}
}

type Case = (t: ObjectAssertions, store: ObjectStore) => Promise<void>;

const MIB = 1024 * 1024;
/** Asked for at once: twice as many as are under way. */
const AT_ONCE = 64;
const RANGE_BYTES = 4096;

function bytesOf(seed: number, length: number): Buffer {
	const random = new Random(seed);
	const bytes = Buffer.alloc(length);
	for (let at = 0; at < length; at++) bytes[at] = random.below(256);
	return bytes;
}

/** The kind of error that a promise rejects with, or what it resolves with. */
async function faultOf(promise: Promise<unknown>): Promise<ObjectFault | unknown> {
	return promise.catch((error: unknown) => (error instanceof ObjectError ? error.kind : error));
}

const cases: Record<string, Case> = {
	"what was put is read as it was": async (t, store) => {
		const bytes = bytesOf(1, 3 * MIB + 17);
		t.equal(await store.put("whole", bytes), "created", "in one piece");
		t.equal(
			await store.put("a/list", [bytes.subarray(0, 5), Buffer.alloc(0), bytes.subarray(5)]),
			"created",
			"in three",
		);
		for (const name of ["whole", "a/list"]) {
			t.ok((await store.get(name)).equals(bytes), `${name}: all of it`);
			t.equal(await store.head(name), bytes.length, `${name}: its length`);
		}
	},

	"an object may be empty": async (t, store) => {
		t.equal(await store.put("empty", []), "created", "put");
		t.equal((await store.get("empty")).length, 0, "got");
		t.equal(await store.head("empty"), 0, "its length");
		t.equal(await faultOf(store.get("empty", { offset: 0, length: 1 })), "damaged", "nothing is in it");
	},

	"a name is written once": async (t, store) => {
		t.equal(await store.put("once", Buffer.from("first")), "created", "first");
		t.equal(await store.put("once", Buffer.from("first")), "same", "the same again");
		t.equal(await store.put("once", Buffer.from("other")), "clash", "others of the same length");
		t.equal(await store.put("once", Buffer.from("another")), "clash", "others");
		t.equal(await store.put("once", []), "clash", "none");
		t.equal((await store.get("once", undefined, { newest: true })).toString(), "first", "it is as it was");
	},

	"a large one is refused as a small one is, while it is on its way": async (t, store) => {
		const bytes = bytesOf(5, 6 * MIB);
		const others = Buffer.from(bytes);
		others[bytes.length - 1]! ^= 1;
		t.equal(await store.put("large", bytes), "created", "put");
		t.equal(await store.put("large", bytes), "same", "the same again");
		t.equal(await store.put("large", others), "clash", "but for a bit");
	},

	"parts are read, and only what is there": async (t, store) => {
		const bytes = bytesOf(2, 100_000);
		await store.put("parts", bytes);
		for (const [offset, length] of [
			[0, 1],
			[0, 100_000],
			[99_999, 1],
			[4096, 8192],
			[1, 99_998],
		] as const)
			t.ok(
				(await store.get("parts", { offset, length })).equals(bytes.subarray(offset, offset + length)),
				`${length} from ${offset}`,
			);
		for (const [offset, length] of [
			[0, 100_001],
			[99_999, 2],
			[100_000, 1],
			[1_000_000, 10],
		] as const)
			t.equal(
				await faultOf(store.get("parts", { offset, length })),
				"damaged",
				`${length} from ${offset}: too short`,
			);
	},

	"many parts are read at once": async (t, store) => {
		const bytes = bytesOf(3, 8 * MIB);
		await store.put("large", bytes);
		const random = new Random(4);
		const asked = Array.from({ length: AT_ONCE }, async () => {
			const offset = random.below(bytes.length - RANGE_BYTES);
			const found = await store.get("large", { offset, length: RANGE_BYTES });
			return found.equals(bytes.subarray(offset, offset + RANGE_BYTES));
		});
		t.equal((await Promise.all(asked)).filter((isRight) => isRight).length, AT_ONCE, "all of them right");
	},

	"what is not there is absent": async (t, store) => {
		t.equal(await faultOf(store.get("none")), "absent", "get");
		t.equal(await faultOf(store.get("none/at/all", { offset: 5, length: 5 })), "absent", "a part");
		t.equal(await faultOf(store.head("none")), "absent", "head");
	},

	"objects are deleted, one or many": async (t, store) => {
		const names = ["1", "2", "3", "4/4", "5"];
		for (const name of names) await store.put(name, Buffer.from(name));
		await store.delete(["1"]);
		await store.delete(["1"]);
		await store.delete(["2", "never-was", "4/4"]);
		await store.delete([]);
		for (const name of ["1", "2", "4/4"])
			t.equal(await faultOf(store.get(name)), "absent", `${name} is gone`);
		for (const name of ["3", "5"]) t.equal((await store.get(name)).toString(), name, `${name} is there`);
	},

	"lists go on where they ended": async (t, store) => {
		const names = ["a", "b/1", "b/10", "b/2", "b/3", "b.x", "c"];
		for (const name of names) await store.put(name, Buffer.from(name));
		t.equal((await store.list()).names.join(), names.toSorted().join(), "all, in order");
		const found: string[] = [];
		let pages = 0;
		for (let after: string | undefined = ""; after !== undefined && pages < 5; pages++) {
			const listed = await store.list({ prefix: "b/", after, most: 3 });
			found.push(...listed.names);
			after = listed.next;
		}
		t.equal(found.join(), "b/1,b/10,b/2,b/3", `by threes, in ${pages} lists`);
		t.equal((await store.list({ prefix: "b/", after: "b/10" })).names.join(), "b/2,b/3", "behind a name");
		t.equal((await store.list({ prefix: "d" })).names.length, 0, "none");
	},

	"names are of all allowed characters, and of no others": async (t, store) => {
		const long = `long/${"n".repeat(NAME_MAX_CHARACTERS - 5)}`;
		for (const name of ["A-Z_a.z/0..9", ".dot", long]) {
			t.equal(await store.put(name, Buffer.from(name)), "created", name);
			t.equal((await store.get(name)).toString(), name, "found again");
		}
		for (const name of [
			"",
			"/a",
			"a/",
			"a//b",
			"..",
			"a/../b",
			"./a",
			"a b",
			"a=b",
			"ä",
			"a?b",
			`${long}n`,
		]) {
			const error = await store.put(name, Buffer.from("")).catch((reason: unknown) => reason);
			t.equal(error instanceof Error && error.name, "InvariantError", JSON.stringify(name));
		}
	},

	"who gives up is told so at once": async (t, store) => {
		await store.put("there", Buffer.from("there"));
		const why = new Error("no more");
		const signal = AbortSignal.abort(why);
		t.equal(await faultOf(store.get("there", undefined, { signal })), why, "get");
		t.equal(await faultOf(store.put("other", Buffer.from(""), { signal })), why, "put");
		t.equal((await store.get("there")).toString(), "there", "others go on");
	},
};

const exclusive: Record<string, Case> = {
	"of several who write one name, one has": async (t, store) => {
		for (let round = 0; round < 5; round++) {
			const texts = Array.from({ length: 8 }, (_, number) => `writer ${number}`);
			const outcomes = await Promise.all(texts.map((text) => store.put(`race/${round}`, Buffer.from(text))));
			const winner = outcomes.indexOf("created");
			t.equal(outcomes.filter((outcome) => outcome === "created").length, 1, "one is told so");
			t.equal((await store.get(`race/${round}`)).toString(), texts[winner], "and its bytes are there");
		}
	},
};
