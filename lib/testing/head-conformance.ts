/**
 * What every head must do, as tests that any of them can be put through: something that makes heads of one place goes in, reports come
 * out. Called by the tests of each kind; it needs no test runner: `ObjectReporter` is as much of one as it uses, and a tap `t` fits.
 */

import { randomBytes } from "node:crypto";
import { invariant } from "../errors.js";
import type { Head, HeadRevision, Swapped } from "../object/head.js";
import { HEAD_MAX_BYTES, NONCE_BYTES } from "../object/head-frame.js";
import type { ObjectAssertions, ObjectReporter } from "./object-conformance.js";

/** `make` is called several times per test, and each gives another `Head` of the same place, which is new to each test. */
export async function headConformance(
	reporter: ObjectReporter,
	name: string,
	newPlace: () => Promise<() => Head>,
): Promise<void> {
	for (const [title, body] of Object.entries(cases)) {
		await reporter.test(`${name}: ${title}`, async (t) => {
			const make = await newPlace();
			const heads: Head[] = [];
			const opened = async (): Promise<Head> => {
				const head = make();
				heads.push(head);
				await head.open();
				return head;
			};
			try {
				await body(t, opened);
			} finally {
				for (const head of heads) await head.close();
			}
		});
	}
}

type Case = (t: ObjectAssertions, opened: () => Promise<Head>) => Promise<void>;

function nonce(): Buffer {
	return randomBytes(NONCE_BYTES);
}

function revisionOf(swapped: Swapped): HeadRevision {
	invariant(swapped.outcome === "done", `a swap that should be done is ${swapped.outcome}`);
	return swapped.revision;
}

const RACERS = 8;

const cases: Record<string, Case> = {
	"a head begins with nothing, and is what was put there last": async (t, opened) => {
		const head = await opened();
		t.equal(await head.read(), null, "nothing");
		const mine = nonce();
		const first = revisionOf(await head.swap(null, Buffer.from("first"), mine));
		const found = await (await opened()).read();
		t.equal(found?.bytes.toString(), "first", "another one reads it");
		t.ok(found?.nonce.equals(mine), "and who wrote it");
		t.equal(found?.revision.id, first.id, "by the same revision");
		const second = revisionOf(await head.swap(first, Buffer.from("second"), nonce()));
		t.equal((await head.read())?.bytes.toString(), "second", "then the next");
		t.equal(`${first.serial} ${second.serial}`, "1 2", "they are counted");
	},

	"who comes too late has lost, and is told what is there": async (t, opened) => {
		const [one, other] = [await opened(), await opened()];
		const first = revisionOf(await one.swap(null, Buffer.from("first"), nonce()));
		const late = await other.swap(null, Buffer.from("also first"), nonce());
		t.equal(late.outcome === "lost" && late.current?.bytes.toString(), "first", "a second creation");
		const second = revisionOf(await other.swap(first, Buffer.from("second"), nonce()));
		const again = await one.swap(first, Buffer.from("also second"), nonce());
		t.equal(again.outcome === "lost" && again.current?.revision.id, second.id, "a second change");
		t.equal((await one.read())?.bytes.toString(), "second", "nothing was changed");
	},

	"the same bytes are another value": async (t, opened) => {
		const head = await opened();
		const first = revisionOf(await head.swap(null, Buffer.from("a"), nonce()));
		const second = revisionOf(await head.swap(first, Buffer.from("b"), nonce()));
		const third = revisionOf(await head.swap(second, Buffer.from("a"), nonce()));
		t.equal(new Set([first.id, second.id, third.id]).size, 3, "three revisions");
		t.equal(
			(await head.swap(first, Buffer.from("c"), nonce())).outcome,
			"lost",
			"by the first of them nothing is done",
		);
	},

	"of several who want to move it, one does": async (t, opened) => {
		const heads: Head[] = [];
		for (let number = 0; number < RACERS; number++) heads.push(await opened());
		let at: HeadRevision | null = null;
		for (let round = 0; round < 5; round++) {
			const before: HeadRevision | null = at;
			const swaps = heads.map((head, number) =>
				head.swap(before, Buffer.from(`${round} ${number}`), nonce()),
			);
			const outcomes = await Promise.all(swaps);
			const winners = outcomes.filter(({ outcome }) => outcome === "done").length;
			t.equal(winners, 1, `round ${round}: one`);
			t.equal(
				outcomes.filter(({ outcome }) => outcome === "lost").length,
				RACERS - 1,
				"all others know that they are not",
			);
			const found = await heads[0]?.read();
			const winner = outcomes.findIndex(({ outcome }) => outcome === "done");
			t.equal(found?.bytes.toString(), `${round} ${winner}`, "it is what he wrote");
			at = found?.revision ?? null;
		}
	},

	"many who count together lose none": async (t, opened) => {
		const count = async (head: Head): Promise<void> => {
			for (let done = 0; done < 5; ) {
				const found = await head.read();
				const number = Number(found?.bytes.toString() ?? 0) + 1;
				const swapped = await head.swap(found?.revision ?? null, Buffer.from(String(number)), nonce());
				if (swapped.outcome === "done") done += 1;
			}
		};
		const heads = [await opened(), await opened(), await opened()];
		await Promise.all(heads.map(count));
		t.equal((await heads[0]?.read())?.bytes.toString(), "15", "three times five");
	},

	"a head may be empty, or long": async (t, opened) => {
		const head = await opened();
		const first = revisionOf(await head.swap(null, Buffer.alloc(0), nonce()));
		t.equal((await head.read())?.bytes.length, 0, "empty");
		const long = randomBytes(HEAD_MAX_BYTES);
		await head.swap(first, long, nonce());
		t.ok((await head.read())?.bytes.equals(long), "long");
		const error = await head
			.swap(null, Buffer.alloc(HEAD_MAX_BYTES + 1), nonce())
			.catch((reason: unknown) => reason);
		t.equal(error instanceof Error && error.name, "InvariantError", "too long");
	},

	"who gives up is told so at once": async (t, opened) => {
		const head = await opened();
		const why = new Error("no more");
		const call = { signal: AbortSignal.abort(why) };
		t.equal(await head.read(call).catch((error: unknown) => error), why, "read");
		t.equal(
			await head.swap(null, Buffer.alloc(1), nonce(), call).catch((error: unknown) => error),
			why,
			"swap",
		);
		t.equal(await head.read(), null, "nothing was changed");
	},
};
