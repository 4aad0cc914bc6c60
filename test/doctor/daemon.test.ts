/** What `vblade doctor` makes of what a daemon says of itself; and of one that is of another version, or in trouble. */

import path from "node:path";
import t from "tap";
import type { Context } from "../../lib/doctor/check.js";
import { askDaemon } from "../../lib/doctor/daemon.js";
import { drops } from "../../lib/doctor/drops.js";
import { Machine } from "../../lib/doctor/machine.js";
import { serving } from "../../lib/doctor/serving.js";
import { scratchDirectory } from "../support/cleanup.js";
import { disk, fakeDaemon, initiator, link, status } from "./fake-daemon.js";

async function contextOf(socket: string): Promise<Context> {
	const daemon = await askDaemon(socket, (why) => {
		throw new Error(why);
	});
	return { machine: new Machine("/nowhere"), interfaces: [], daemon, servers: [], peer: undefined };
}

t.test("what a daemon knows to be wrong is told", async (t) => {
	const processes = [
		{ kind: "worker", index: 0, pid: 5, since: null, restarts: 2, cpuSeconds: null, residentBytes: null },
	] as const;
	const disks = [
		disk("web", { state: "failed", reason: "no such file" }),
		disk("db", { errors: 3 }),
		disk("ok", {}),
	];
	const initiators = [initiator("02:00:00:00:00:01", 1000, 50), initiator("02:00:00:00:00:02", 10_000, 1)];
	const socket = await fakeDaemon(t, {
		status: status({
			problems: ["disk web: no such file", "the last reload failed"],
			processes: [...processes],
		}),
		disks: { disks, total: 3, next: null },
		initiators: { initiators, total: 2, next: null },
		links: {
			links: [link("eth0", { ring: 2, mac: 5 }), link("eth1", {})],
			reasons: { ring: "lost at the ring" },
		},
		events: { events: [], lost: false },
	});
	const context = await contextOf(socket);
	const told = (await serving.run(context)).map(({ level, what }) => `${level} ${what}`);
	t.strictSame(told, [
		"warn the daemon says: the last reload failed",
		"note worker 0 of the daemon was started again 2 times",
		"fault disk web: is failed",
		"warn disk db: 3 requests ended with an error",
		"warn eth0: 02:00:00:00:00:01 has sent 50 of 1000 requests again",
	]);
	const dropped = await drops.run(context);
	t.match(dropped.slice(1), [
		{
			level: "note",
			what: "eth0: 7 frames were not carried out by worker 0",
			because: "5 mac; 2 lost at the ring",
		},
	]);
});

t.test("of thousands of disks some are told", async (t) => {
	const disks = Array.from({ length: 50 }, (_, index) => disk(`d${index}`, { state: "failed" }));
	const socket = await fakeDaemon(t, {
		status: status({}),
		disks: { disks, total: 50, next: null },
		initiators: { initiators: [], total: 0, next: null },
		links: { links: [], reasons: {} },
		events: { events: [], lost: false },
	});
	const found = await serving.run(await contextOf(socket));
	t.equal(found.length, 21);
	t.equal(found.at(-1)?.what, "and 30 more disks");
});

t.test("one that answers something else is told of, and ends nothing", async (t) => {
	const socket = await fakeDaemon(t, {
		status: { workers: 2 },
		disks: "<html>",
		links: [],
		initiators: null,
	});
	const context = await contextOf(socket);
	t.match(context.daemon?.answers, { status: { workers: 2 } });
	const [found, ...others] = await serving.run(context);
	t.match(found, { level: "warn", because: "disks: the answer is no JSON; events: status 500" });
	t.strictSame(others, []);
	const none = path.join(scratchDirectory(), "none");
	t.equal(await askDaemon(none, (why) => t.equal(why, "there is no such socket")), undefined);
});
