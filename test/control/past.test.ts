/**
 * Events go on when this process is started again, killed or not: ids grow, and whoever asks for what came after one that he has seen
 * is told all of it, or that some may be missing.
 */

import t from "tap";
import { pastEvents } from "../../lib/control/event-keeping.js";
import { EventLog, type PastEvents } from "../../lib/control/event-log.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { Stage, settle } from "./stage.js";

const tell = (log: EventLog, message: string): void => log.add({ kind: "log", severity: "info", message });

/** A life that has told these, and the next one, which knows so many of them. */
function lives(known: number, past: Omit<PastEvents, "events"> & { killed?: boolean }): [EventLog, EventLog] {
	const first = new EventLog(() => 1000);
	for (const message of ["a", "b", "c"]) tell(first, message);
	const events = first.latest(3).slice(0, known);
	const unsureAfter = past.killed ? events.at(-1)?.id : past.unsureAfter;
	const next = new EventLog(() => 500, { events, unsureAfter });
	tell(next, "d");
	return [first, next];
}

t.test("one that ended as it should: all of it, and nothing is lost", async (t) => {
	const [, next] = lives(3, { unsureAfter: undefined });
	const messages = (id: number) => next.after(id, Infinity).events.map(({ message }) => message);
	t.strictSame(messages(1000), ["b", "c", "d"]);
	t.strictSame(messages(1002), ["d"]);
	for (const id of [999, 1000, 1002]) t.equal(next.after(id, Infinity).lost, false, `${id}`);
	t.equal(next.after(998, Infinity).lost, true);
	const [, , , last] = next.latest(9);
	t.ok((last?.id ?? 0) > 1002, "ids grow, although the clock was set back");
});

t.test(
	"one that was killed: whoever has seen something of it is told that some may be missing",
	async (t) => {
		const [, next] = lives(2, { unsureAfter: undefined, killed: true });
		for (const id of [1000, 1001, 1002]) t.equal(next.after(id, Infinity).lost, true, `${id}`);
		t.strictSame(
			next.after(1002, Infinity).events.map(({ message }) => message),
			["d"],
			"which was not kept",
		);
		const id = next.latest(1)[0]?.id ?? 0;
		t.strictSame(next.after(id, Infinity), { events: [], lost: false });
		const after = new EventLog(() => 500, { events: next.latest(9), unsureAfter: 1001 });
		t.equal(after.after(1000, Infinity).lost, true, "and that stays so");
		t.equal(after.after(id, Infinity).lost, false);
	},
);

t.test("what happens is kept at once, then once a second, and all of it at the end", async (t) => {
	const stage = new Stage();
	const clock = new VirtualClock();
	await stage.start(t, { clock });
	await settle();
	const kept = async () => (await pastEvents(stage.opener)).events.map(({ message }) => message);
	const before = (await kept()).length;
	const { events } = stage.control.inside;
	for (let told = 0; told < 2000; told++) tell(events, `${told}`);
	await settle();
	t.equal((await kept()).length, before, "not yet");
	clock.pass(1000);
	await settle();
	const now = await kept();
	t.equal(now.length, 1000, "the latest");
	t.equal(now.at(-1), "1999");
	const { id } = events.latest(1)[0] ?? { id: 0 };
	t.equal((await pastEvents(stage.opener)).unsureAfter, id, "as one that was killed leaves it");
	tell(events, "the last");
	await stage.close();
	t.equal((await kept()).at(-1), "the last");
	t.equal((await pastEvents(stage.opener)).unsureAfter, undefined);
	await stage.start(t);
	const { body } = await stage.ask("GET", `/api/v1/events?after=${id}`);
	t.match(body, { lost: false, events: [{ message: "the last" }] });
});

t.test("what is no list of events, or can't be kept, ends nobody", async (t) => {
	for (const text of ["", "[]", '{"isWhole":true,"events":[{"id":1}]}']) {
		const stage = new Stage();
		stage.opener.files.set("events.json", new TextEncoder().encode(text));
		await stage.start(t);
		t.equal((await stage.ask("GET", "/api/v1/events?after=1")).body.lost, true);
	}
});

t.test("what becomes of processes is told once, at its time", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const ended = {
		kind: "process",
		severity: "error",
		message: "worker 0 ended (SIGKILL); it is started again",
		atMs: Date.UTC(2026, 10, 26),
		isLogged: true,
	} as const;
	stage.control.happened(ended);
	await stage.close();
	await stage.start(t);
	stage.control.happened(ended);
	const { events } = (await stage.ask("GET", "/api/v1/events?limit=4096")).body;
	t.match(
		events.filter(({ kind }: { kind: string }) => kind === "process"),
		[{ severity: "error", at: "2026-11-26T00:00:00.000Z", message: /SIGKILL/ }],
	);
	t.equal(events.filter(({ kind }: { kind: string }) => kind === "process").length, 1);
	t.notOk(
		stage.log.some((line) => line.includes("SIGKILL")),
		"the opener has put it into the log",
	);
});
