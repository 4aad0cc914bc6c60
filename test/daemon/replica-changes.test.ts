// What a configuration says of replicas holds after a reload, for a pool that is open; and what a replica serves is served again when it is promoted.
import { execFileSync } from "node:child_process";
import t from "tap";
import { BUCKET, StandInS3 } from "../object/stand-in-s3.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { ReplicaHost } from "./replica-hosts.js";

const FAILED = /fail|error/i;
const REPLICA = `replica = [{ store = "attic", container = "${BUCKET}" }]\n`;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const s3 = new StandInS3();
	const endpoint = await s3.start();
	t.teardown(() => s3.stop());
	const one = new ReplicaHost(endpoint, (tree) => `[pool.fast]\npath = "${tree.path("fast")}"\n`);
	const two = new ReplicaHost(
		endpoint,
		(tree) =>
			`[pool.copy]\nstore = "attic"\ncontainer = "${BUCKET}"\nhead = "store"\nlog = "${tree.path("log")}"\n`,
	);
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	const other = `[pool.other]\nstore = "attic"\ncontainer = "other"\nhead = "store"\nlog = "${one.tree.path("other")}"\n`;
	const web = '[disk.web]\nvolume = "fast/web"\n[disk.web.nbd]\n';
	const serveOne = (replica: string): void =>
		one.serveAll(`${other}[pool.fast]\npath = "${one.tree.path("fast")}"\n${replica}${web}`);

	t.test("a pool that is open has a replica from the reload on that says so", async (t) => {
		serveOne("");
		await run([...vbladeCommand(), "pool", "create", one.tree.path("fast")], LIMIT_MS);
		await one.tree.start();
		await one.say("volume", "create", "fast/web", "64M");
		await one.tree.state("web", "open");
		t.notMatch(await one.io("write -P 1 0 1M", "flush"), FAILED);
		for (const day of ["monday", "tuesday"]) await one.say("volume", "snapshot", `fast/web@${day}`);
		serveOne(REPLICA);
		t.ok(await one.tree.reload());
		t.match(await one.say("events"), /pool-renewed.*has other replicas/, "by the end of the reload");
		t.notMatch(await one.io("read -P 1 0 1M"), FAILED, "and is served");
		t.match(await one.says(/lacks nothing/, "pool", "show", "fast"), /^replica +attic\/.*: lacks nothing$/m);
		await one.tree.state("web", "open");
		t.notMatch(await one.io("read -P 1 0 1M", "write -P 2 1M 1M", "flush"), FAILED);
		t.match(await one.say("events"), /pool-renewed.*has other replicas/);
	});

	t.test("what is sent to it may be less from the next one on", async (t) => {
		serveOne(REPLICA.replace(" }]", ', bandwidth = "100M" }]'));
		t.ok(await one.tree.reload());
		t.match(
			await one.says(/renewed[\s\S]*renewed/, "events"),
			/pool-renewed[\s\S]*pool-renewed/,
			"it is opened anew once more",
		);
		t.match(await one.says(/lacks nothing/, "pool", "show", "fast"), /^replica +attic\/.*: lacks nothing$/m);
	});

	t.test("without one it has none", async (t) => {
		await one.tree.state("web", "open");
		serveOne("");
		t.ok(await one.tree.reload());
		const shown = await one.says(/^(?![\s\S]*^replica )[\s\S]*^format/m, "pool", "show", "fast");
		t.notMatch(shown, /^replica/m);
		t.match(shown, /^format/m);
		await one.tree.state("web", "open");
		t.notMatch(await one.io("read -P 2 1M 1M"), FAILED);
	});

	t.test("disks that serve a replica are served on when it is promoted", async (t) => {
		const disk = (name: string, storage: string, ...keys: string[]): string =>
			`[disk.${name}]\n${[storage, ...keys].join("\n")}\n`;
		const nbd = (name: string): string => `[disk.${name}.nbd]\n`;
		two.serveAll(
			[
				`[pool.copy]\nstore = "attic"\ncontainer = "${BUCKET}"\nhead = "store"\nlog = "${two.tree.path("log")}"\n`,
				disk("look", 'volume = "copy/web"', "read_only = true") + nbd("look"),
				disk("monday", 'volume = "copy/web@monday"') + nbd("monday"),
				disk("part", 'volume = "copy/web@tuesday"') +
					disk("whole", 'linear = ["part"]', "read_only = true") +
					nbd("whole"),
			].join(""),
		);
		await two.tree.start();
		const names = ["look", "monday", "whole"];
		for (const name of names) {
			await two.tree.state(name, "open");
			t.notMatch(await two.ioOf(name, "read -P 1 0 1M"), FAILED, `${name} is read before`);
		}
		t.match(await two.say("pool", "ls"), /\(is a replica of fast of .*, which can be read/);
		t.match(await two.say("pool", "promote", "copy"), /^pool +copy$/m);
		t.match(
			await two.say("events"),
			/pool-taken.*: a pool of its own now, by epoch .*; it was a replica of fast of /,
		);
		for (const name of names) {
			const end = Date.now() + LIMIT_MS;
			let read = await two.ioOf(name, "read -P 1 0 1M");
			while (FAILED.test(read) && Date.now() < end) read = await two.ioOf(name, "read -P 1 0 1M");
			t.notMatch(read, FAILED, `${name} is read after it`);
			await two.tree.state(name, "open");
		}
		t.match(await two.say("disk", "fence", "look"), /^(?![\s\S]*none of this name)/);
		t.match(await two.say("events"), /pool-renewed.*made a pool of its own/);
	});
}
