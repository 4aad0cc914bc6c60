/** Questions and answers over real sockets, and over those of processes that end. Mirrors lib/channel/asking.ts. */

import { closeSync } from "node:fs";
import { readFile } from "node:fs/promises";
import t, { type Test } from "tap";
import {
	Asking,
	type AskingOptions,
	type Delivery,
	NoAnswerError,
	type Parcel,
} from "../../lib/channel/asking.js";
import { OperatorError } from "../../lib/errors.js";
import { native } from "../../lib/native.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { descriptor, openDescriptors } from "./ends.js";

type Answer = (question: Delivery) => Parcel | Promise<Parcel>;

interface Side {
	readonly asking: Asking;
	readonly news: Delivery[];
	end: string | undefined;
}

function side(fd: number, answer: Answer, options: AskingOptions): Side {
	const made: { -readonly [K in keyof Side]: Side[K] } = { asking: null as never, news: [], end: undefined };
	made.asking = new Asking(
		fd,
		{
			answer,
			told: (news) => made.news.push(news),
			ended: (why) => {
				made.end = why;
			},
		},
		options,
	);
	return made;
}

const echo: Answer = ({ body, bytes, files }) => ({
	body: { you: body },
	...(bytes === undefined ? {} : { bytes }),
	files: files.take(),
});

function sides(t: Test, answer: Answer = echo, options: AskingOptions = {}): { near: Side; far: Side } {
	const [one, other] = native.socketPair();
	const all = { mostFiles: 4, ...options };
	const [near, far] = [side(one, echo, all), side(other, answer, all)];
	t.teardown(() => {
		near.asking.close();
		far.asking.close();
	});
	return { near, far };
}

t.test("questions are answered, whoever asks and in whatever order", async (t) => {
	const release: (() => void)[] = [];
	const { near, far } = sides(t, async (question) => {
		if (question.body.wait) await new Promise<void>((resolve) => release.push(resolve));
		return echo(question);
	});
	const slow = near.asking.ask({ body: { wait: true } }, LIMIT_MS);
	const quick = await near.asking.ask({ body: { n: 1 }, bytes: Uint8Array.of(1, 2) }, LIMIT_MS);
	t.strictSame(quick.body, { you: { n: 1 } });
	t.strictSame([...(quick.bytes ?? [])], [1, 2]);
	t.strictSame((await far.asking.ask({ body: { n: 2 } }, LIMIT_MS)).body, { you: { n: 2 } });
	release[0]?.();
	t.strictSame((await slow).body, { you: { wait: true } });
});

t.test("news has no answer", async (t) => {
	const { near, far } = sides(t);
	t.ok(near.asking.tell({ body: { new: 1 }, bytes: Uint8Array.of(3) }));
	t.ok(near.asking.tell({ body: { new: 2 } }));
	await until("news", () => far.news.length === 2, LIMIT_MS);
	t.strictSame(
		far.news.map(({ body }) => body),
		[{ new: 1 }, { new: 2 }],
	);
});

t.test("descriptors come along, and are closed unless somebody takes them at once", async (t) => {
	const before = openDescriptors();
	const { near } = sides(t);
	const { files } = await near.asking.ask({ body: {}, files: [descriptor(), descriptor()] }, LIMIT_MS);
	const [kept = -1, ...rest] = files.take();
	t.equal(rest.length, 1);
	for (const file of [kept, ...rest]) closeSync(file);
	await near.asking.ask({ body: {}, bytes: new Uint8Array(9), files: [descriptor()] }, LIMIT_MS);
	await until("all are closed", () => openDescriptors() === before + 2, LIMIT_MS);
	near.asking.tell({ body: {}, files: [descriptor()] });
	await near.asking.ask({ body: {} }, LIMIT_MS);
	t.equal(openDescriptors(), before + 2);
});

t.test("a refusal is thrown as what it was", async (t) => {
	const native = Object.assign(new Error("No such file or directory"), { step: "find", errno: 2 });
	const { near } = sides(t, ({ body }) => {
		if (body.system) return readFile("/nowhere") as never;
		throw body.native ? native : new OperatorError("not that");
	});
	await t.rejects(near.asking.ask({ body: {} }, LIMIT_MS), new OperatorError("not that"));
	await t.rejects(near.asking.ask({ body: { system: true } }, LIMIT_MS), {
		name: "Error",
		message: /^ENOENT/,
	});
	await t.rejects(near.asking.ask({ body: { native: true } }, LIMIT_MS), {
		message: native.message,
		step: "find",
		errno: 2,
	});
});

t.test("who is not answered in time gives up; a late answer harms nobody", async (t) => {
	const before = openDescriptors();
	const clock = new VirtualClock();
	const release: (() => void)[] = [];
	const { near } = sides(
		t,
		async (question) => {
			if (question.body.wait) await new Promise<void>((resolve) => release.push(resolve));
			return { body: {}, files: [descriptor()] };
		},
		{ clock },
	);
	const asked = near.asking.ask({ body: { wait: true } }, 5000);
	await until("the question", () => release.length === 1, LIMIT_MS);
	clock.pass(4999);
	const rejected = t.rejects(asked, new NoAnswerError("no answer within 5 s"));
	clock.pass(1);
	await rejected;
	release[0]?.();
	(await near.asking.ask({ body: {} }, 5000)).files.close();
	await until("all are closed", () => openDescriptors() === before + 2, LIMIT_MS);
});

t.test("who stood still himself hears what came meanwhile before he gives up", async (t) => {
	const clock = new VirtualClock();
	const { near } = sides(t, () => ({ body: { here: true } }), { clock });
	const asked = near.asking.ask({ body: {} }, 5000);
	const dead = near.asking.ask({ body: {} }, 5000);
	clock.stall(600_000);
	// The timers come before what has arrived, as after SIGCONT.
	clock.pass(0);
	t.same((await asked).body, { here: true });
	await dead;
	const silent = sides(t, () => new Promise(() => {}), { clock });
	const unanswered = silent.near.asking.ask({ body: {} }, 5000);
	clock.stall(600_000);
	clock.pass(0);
	clock.pass(2000);
	await t.rejects(unanswered, new NoAnswerError("no answer within 5 s"), "but no longer");
});

t.test("the end of the channel ends all questions", async (t) => {
	const { near, far } = sides(t, () => new Promise(() => {}));
	const asked = [1, 2, 3].map((n) => near.asking.ask({ body: { n } }, LIMIT_MS));
	const own = far.asking.ask({ body: {} }, LIMIT_MS).catch((error: unknown) => error);
	far.asking.close();
	for (const each of asked)
		await t.rejects(each, { name: "NoAnswerError", message: /the other end is gone/ });
	t.match(await own, { name: "NoAnswerError", message: "closed before it was answered" });
	await t.rejects(near.asking.ask({ body: {} }, LIMIT_MS), { name: "NoAnswerError" });
	t.notOk(near.asking.tell({ body: {} }));
	t.strictSame([near.end, far.end], ["ended", undefined]);
});

t.test("who breaks the rules of asking is cut off", async (t) => {
	const cases: [(object | Uint8Array)[], RegExp][] = [
		[[{}], /unknown kind/],
		[[{ is: "question" }], /without a head/],
		[[{ is: "question", id: 1.5, hasBytes: false, body: {} }], /without a head/],
		[[{ is: "question", id: 1, hasBytes: false, body: 1 }], /without a body/],
		[[Uint8Array.of(1)], /bytes that belong to nothing/],
		[[{ is: "news", id: 1, hasBytes: true, body: {} }, { is: "news" }], /bytes are missing/],
		[new Array(3).fill({ is: "question", id: 1, hasBytes: false, body: {} }), /more than 2 questions/],
		[
			[{ is: "question", id: 1, hasBytes: true, body: {} }, new Uint8Array(9)],
			/more than 8 bytes in questions/,
		],
		[[{ is: "news", id: 0, hasBytes: false, body: { long: "x".repeat(900) } }], /a frame of 9.. bytes/],
	];
	const { Channel } = await import("../../lib/channel/channel.js");
	for (const [messages, why] of cases) {
		const [one, other] = native.socketPair();
		const near = side(one, () => new Promise(() => {}), {
			mostQuestions: 2,
			mostQuestionBytes: 8,
			longestTextBytes: 800,
		});
		const raw = new Channel(other, { message() {}, ended() {} });
		for (const message of messages) raw.send(message);
		await until("the end", () => near.end !== undefined, LIMIT_MS);
		t.match(near.end, why);
		near.asking.close();
		raw.close();
	}
});
