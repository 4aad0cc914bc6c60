// Replicas of a pool in another object store, with its superblock in etcd, and of one on disks, all read, compared and sent where they are; then promoted, with what the
// pools had.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { setTimeout as wait } from "node:timers/promises";
import t, { type Test } from "tap";
import { StandInEtcd } from "../object/stand-in-etcd.js";
import { StandInS3 } from "../object/stand-in-s3.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { copyOf, inCellar, nbd, ReplicaHost, replicaIn } from "./replica-hosts.js";
import type { DaemonTree } from "./tree-bench.js";

const FAILED = /fail|error/i;
const DISK_BYTES = 137 * 2 ** 20;
const LACKS_NOTHING = /^replica +attic\/.*: lacks nothing$/m;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const [near, far, etcd] = [new StandInS3(), new StandInS3(), new StandInEtcd()];
	const [at, endpoint, head] = [await near.start(), await far.start(), await etcd.start()];
	t.teardown(() => Promise.all([near, far, etcd].map((each) => each.stop())));

	const onDisks = (tree: DaemonTree): string =>
		[
			`[disk.a]\nfile = "${tree.file("a.img", DISK_BYTES)}"\n[disk.b]\nmemory = "137M"`,
			`[pool.far]\ndisks = ["a", "b"]\n${replicaIn("far", `log = "${tree.path("far-copy")}"`)}`,
			nbd("mail", "far/mail"),
		].join("\n");
	const one = new ReplicaHost(endpoint, () => "");
	const two = new ReplicaHost(endpoint, () => "");
	one.serveAll(inCellar(one.tree, { at, head }) + nbd("web", "gold/web") + onDisks(one.tree));
	const serveTwo = (...disks: string[]): void =>
		two.serveAll(
			[
				`[pool.local]\npath = "${two.tree.path("local")}"\n`,
				...["gold", "far"].map((name) => copyOf(name, two.tree)),
				...disks,
			].join(""),
		);
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));

	let images = 0;
	/** All bytes of it, as that host has them. */
	const bytesOf = async (host: ReplicaHost, volume: string): Promise<Buffer> => {
		const image = host.tree.path(`image-${images++}.raw`);
		t.notMatch(await host.say("volume", "export", volume, image), FAILED, `${volume} is exported`);
		return readFileSync(image);
	};
	const isSame = async (t: Test, from: string, to: string): Promise<void> => {
		const [wanted, found] = [await bytesOf(one, from), await bytesOf(two, to)];
		t.ok(wanted.some((byte) => byte !== 0));
		t.ok(found.equals(wanted), `${to} is ${from}`);
	};
	let between = "";

	t.test("a pool in a store and one on disks are brought to another store", async (t) => {
		await one.tree.start();
		for (const disk of ["a", "b"]) await one.tree.state(disk, "open");
		for (const pool of ["gold", "far"]) await one.say("pool", "create", pool);
		for (const volume of ["gold/web", "far/mail"]) await one.say("volume", "create", volume, "8M");
		for (const disk of ["web", "mail"]) await one.tree.state(disk, "open");
		t.notMatch(await one.ioOn("mail", "write -P 7 0 3M", "write -P 8 7M 1M", "flush"), FAILED);
		t.notMatch(await one.io("write -P 1 0 2M", "flush"), FAILED);
		for (const volume of ["gold/web", "far/mail"])
			t.notMatch(await one.say("volume", "snapshot", `${volume}@monday`), FAILED);
		t.notMatch(await one.ioOn("mail", "write -P 9 1M 64k", "flush"), FAILED);
		t.notMatch(await one.io("write -P 2 1M 1M", "flush"), FAILED);
		between = new Date().toISOString();
		// (What a moment a second before the last write is has to be known.)
		await wait(2000);
		t.notMatch(await one.io("write -P 3 0 4k", "flush"), FAILED);
		for (const pool of ["gold", "far"])
			t.match(await one.says(/lacks nothing/, "pool", "show", pool), LACKS_NOTHING);
	});

	t.test("another host reads them at any moment, compares and sends them", async (t) => {
		await run([...vbladeCommand(), "pool", "create", two.tree.path("local")], LIMIT_MS);
		serveTwo(
			nbd("look", "gold-copy/web", "read_only = true\n"),
			nbd("monday", "gold-copy/web@monday"),
			nbd("then", `gold-copy/web@${between}`),
			nbd("letters", "far-copy/mail", "read_only = true\n"),
		);
		await two.tree.start();
		for (const [disk, ...reads] of [
			["look", "read -P 3 0 4k", "read -P 1 4k 1020k", "read -P 2 1M 1M", "read -P 0 2M 6M"],
			["monday", "read -P 1 0 2M", "read -P 0 2M 6M"],
			["then", "read -P 1 0 1M", "read -P 2 1M 1M"],
			["letters", "read -P 7 0 1M", "read -P 9 1M 64k", "read -P 8 7M 1M"],
		] as const) {
			await two.tree.state(disk, "open");
			t.notMatch(await two.ioOf(disk, ...reads), FAILED, disk);
		}
		for (const at of ["", "@monday", `@${between}`]) await isSame(t, `gold/web${at}`, `gold-copy/web${at}`);
		for (const at of ["", "@monday"]) await isSame(t, `far/mail${at}`, `far-copy/mail${at}`);
		const then = await bytesOf(two, `gold-copy/web@${between}`);
		t.ok(then.equals(await bytesOf(two, "gold-copy/web@-1s")), "counted from what was written last");
		t.match(await two.say("volume", "history", "gold-copy/web"), /monday/);
		for (const [pool, volume, ...to] of [
			["gold", "web"],
			["gold", "web", between],
			["far", "mail"],
		] as const) {
			const diff = (host: ReplicaHost, pool: string): Promise<string> =>
				host.say(
					"volume",
					"diff",
					`${pool}/${volume}@monday`,
					...to.map((time) => `${pool}/${volume}@${time}`),
				);
			const differing = await diff(two, `${pool}-copy`);
			t.match(differing, /data/);
			t.equal(differing, await diff(one, pool));
		}
		const vblade = vbladeCommand().join(" ");
		const socket = `--socket ${two.tree.socket}`;
		for (const sent of ["gold-copy/web@monday", "-i @monday gold-copy/web"]) {
			const line = `${vblade} volume send ${socket} ${sent} | ${vblade} volume receive ${socket} local/web`;
			const { code, output } = await run(["sh", "-c", line], LIMIT_MS);
			t.equal(code, 0, output);
		}
		for (const at of ["", "@monday"]) await isSame(t, `gold/web${at}`, `local/web${at}`);
	});

	t.test("promoted, each has what its pool had", async (t) => {
		for (const pool of ["gold-copy", "far-copy"])
			t.match(await two.say("pool", "promote", pool), new RegExp(`^pool +${pool}$`, "m"));
		for (const at of ["", "@monday"]) {
			await isSame(t, `gold/web${at}`, `gold-copy/web${at}`);
			await isSame(t, `far/mail${at}`, `far-copy/mail${at}`);
		}
		t.notMatch(await two.say("volume", "create", "far-copy/new", "1M"), FAILED);
		t.match(await two.say("volume", "ls", "far-copy"), /new/);
	});
}
