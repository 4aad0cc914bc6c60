/** `vblade status`, `iostat`, `events`, `reload`, `diff`, `dump` and `top -b`: what they print, with a control process whose workers are fakes. */

import t, { type Test } from "tap";
import { z } from "zod";
import { diffCommand, dumpCommand, reloadCommand } from "../../../lib/cli/asking/configuration.js";
import { eventsCommand } from "../../../lib/cli/asking/events.js";
import { iostatCommand } from "../../../lib/cli/asking/iostat.js";
import { statusCommand } from "../../../lib/cli/asking/status.js";
import { topCommand } from "../../../lib/cli/asking/top.js";
import type { Output } from "../../../lib/cli/client.js";
import { DiskSummary, Event, InitiatorList, Job, LinkList, Status } from "../../../lib/control/model.js";
import { LINK, lookOf } from "../../control/figures.js";
import { Stage, settle, TWO } from "../../control/stage.js";
import { until } from "../../support/cleanup.js";
import { LIMIT_MS } from "../../support/limit.js";
import { run } from "./ask.js";

async function stageOf(t: Test): Promise<{ stage: Stage; at: string }> {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	return { stage, at: `--socket=${stage.socketPath}` };
}

t.test("status: all at a glance, and all of it as JSON", async (t) => {
	const { stage, at } = await stageOf(t);
	stage.workers.reasons.set("late", "no such file");
	stage.opener.text = `${TWO}\n[disk.late]\nfile = "/srv/late"\n`;
	await run(reloadCommand, at);
	stage.control.inside.observed.take([lookOf([], { links: [LINK] })], Date.now());
	const { status, out } = await run(statusCommand, at);
	t.equal(status, 0);
	t.match(out, /^up +02:00:00:00:00:01 +9000 +10Gbit\/s .* eth0$/m);
	t.match(out, /^vblade +1\.0, degraded, since /);
	t.match(out, /^disks +3: 2 open, 1 failed$/m);
	t.match(out, /^! disk late: no such file$/m);
	t.match(out, /^control 0 +\d+ /m);
	const json = JSON.parse((await run(statusCommand, at, "--json")).out);
	t.ok(Status.parse(json));
	t.equal(z.array(DiskSummary).parse(json.disks).length, 3);
	t.ok(LinkList.shape.links.parse(json.links));
	t.ok(InitiatorList.shape.initiators.parse(json.initiators));
});

t.test("reload and diff: done, or refused with the place", async (t) => {
	const { stage, at } = await stageOf(t);
	t.match(await run(diffCommand, at), { status: 0, out: "what is running is what the files say\n" });
	stage.opener.text = TWO.replace("100", "200");
	t.match(await run(diffCommand, at), { status: 0, out: /mail.*100 -> 200/ });
	t.match(await run(reloadCommand, at), { status: 0, err: "" });
	stage.opener.text = `${TWO}\n[dsk.x]\n`;
	const place = /^\/etc\/vblade\/vblade\.toml:\d+:\d+: .*did you mean/m;
	t.match(await run(diffCommand, at), { status: 1, out: "", err: place });
	const refused = await run(reloadCommand, at);
	t.match(refused, { status: 1, out: "" });
	t.equal(refused.err.split("did you mean").length, 2, "told once");
	t.equal(Job.parse(JSON.parse((await run(reloadCommand, at, "--json")).out)).state, "failed");
});

t.test("dump: a file, or the same as JSON", async (t) => {
	const { at } = await stageOf(t);
	t.match((await run(dumpCommand, at)).out, /^\[disk\.web\]$/m);
	t.match(JSON.parse((await run(dumpCommand, at, "--json")).out), { disk: { web: { memory: "64M" } } });
});

t.test("iostat: one report, or as many as are wanted", async (t) => {
	const { at } = await stageOf(t);
	const one = await run(iostatCommand, at);
	t.match(one, { status: 0, out: /^\d{4}-.*Z\ndisk +r\/s +rkB\/s +r_p50 .*\nweb +0 .*\nmail +0 .*\n\n$/ });
	const two = await run(iostatCommand, at, "--json", "-n2", "--disk=web", "0.1");
	t.match(
		two.out
			.trim()
			.split("\n")
			.map((line) => JSON.parse(line)),
		[
			{ sinceStart: true, disks: [{ name: "web", reads: 0 }] },
			{ sinceStart: false, disks: [{ name: "web", readP50: null }] },
		],
	);
	t.match(await run(iostatCommand, at, "--disk=gone"), { status: 1, err: /none of this name/ });
	t.match(await run(iostatCommand, at, "0"), { status: 2, err: /seconds "0": a number from 0.1/ });
});

t.test("top -b: lists, and objects", async (t) => {
	const { at } = await stageOf(t);
	const two = await run(topCommand, at, "-b", "-n2", "-d0.1", "--sort=name");
	t.equal(two.status, 0);
	t.equal(two.out.match(/^NAME +STATE .*\nmail +open .*\nweb +open /gm)?.length, 2);
	const { status, disks } = JSON.parse((await run(topCommand, at, "--json", "-n1")).out);
	t.ok(Status.parse(status));
	t.equal(z.array(DiskSummary).parse(disks).length, 2);
	t.match(await run(topCommand, at, "--sort=age"), { status: 2 });
});

t.test("events: the latest", async (t) => {
	const { at } = await stageOf(t);
	t.match(await run(eventsCommand, at), {
		status: 0,
		out: /^\d{4}-.*Z info +disk-opened +.*web.*\n.*mail.*\n$/,
	});
	t.equal((await run(eventsCommand, at, "-n1")).out.split("\n").length, 2);
	t.equal((await run(eventsCommand, at, "-n0")).out, "");
	const [line = ""] = (await run(eventsCommand, at, "--json", "--disk=mail")).out.split("\n");
	t.equal(Event.parse(JSON.parse(line)).disk, "mail");
	t.match(await run(eventsCommand, at, "--disk=nosuch"), {
		...{ status: 1, out: "" },
		err: 'vblade: disk "nosuch": there is none of this name\n',
	});
	t.match(await run(eventsCommand, at, "-n", "all"), { status: 2 });
});

t.test(
	"top -b and iostat go on when the daemon is started again, and tell once that it does not answer",
	async (t) => {
		for (const [command, more] of [
			[topCommand, ["-d0.1"]],
			[iostatCommand, ["--disk=web", "0.1"]],
		] as const) {
			const { stage, at } = await stageOf(t);
			const [out, err]: string[][] = [[], []];
			const output: Output = { out: (text) => out?.push(text), err: (text) => err?.push(text) };
			const stop = new AbortController();
			const ended = command([at, "--json", ...more], output, stop.signal);
			await until("it has begun", () => (out?.length ?? 0) > 0, LIMIT_MS);
			await stage.close();
			await until("it is missed", () => (err?.length ?? 0) > 0, LIMIT_MS);
			await stage.start(t);
			const before = out?.length ?? 0;
			await until("it goes on", () => (out?.length ?? 0) > before, LIMIT_MS);
			stop.abort();
			t.equal(await ended, 0);
			t.strictSame(err, ["vblade: the daemon does not answer; going on when it does\n"]);
			await stage.close();
			t.match(
				await run(command, at),
				{ status: 1, err: /is the daemon running/ },
				"one that was never there",
			);
		}
	},
);

t.test("events -f goes on when the daemon is started again, and tells each event once", async (t) => {
	const { stage, at } = await stageOf(t);
	let [out, err] = ["", ""];
	const output: Output = {
		out: (text) => {
			out += text;
		},
		err: (text) => {
			err += text;
		},
	};
	const stop = new AbortController();
	const ended = eventsCommand([at, "-f", "-n0"], output, stop.signal);
	const tell = (message: string) =>
		stage.control.inside.events.add({ kind: "log", severity: "info", message });
	await until(
		"it listens",
		() => {
			tell("ping");
			return out.includes("ping");
		},
		LIMIT_MS,
	);
	tell("before");
	await until("it is told", () => out.includes("before"), LIMIT_MS);
	await stage.close();
	await until("it is missed", () => err.includes("does not answer"), LIMIT_MS);
	await stage.start(t);
	tell("after");
	await until("it goes on", () => out.includes("after"), LIMIT_MS);
	stop.abort();
	t.equal(await ended, 0);
	t.equal(out.match(/before/g)?.length, 1);
	t.equal(out.match(/after/g)?.length, 1);
	t.notMatch(err, "may be missing", "it has kept them");
});
