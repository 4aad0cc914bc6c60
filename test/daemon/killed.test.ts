// All processes of a daemon are killed at moments all over what is done to its disks of disks: a mirror that is copied to and compared with repair, a pool
// that is made on disks, and gets and loses some, a reload that changes members. It starts again, nothing that was acknowledged is lost, and what it did
// goes on, or can be asked for again.

import { closeSync, openSync, writeSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds, variants } from "../support/long.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";

const MIB = 1024 * 1024;
const FAILED = /fail|error/i;
/** How long after it was begun everything is killed, in milliseconds: of each deed so many. */
const DELAYS = [130, 600, 15, 60, 250, 400, 1200, 2000].slice(0, rounds(1, 8));

interface Deed {
	readonly name: string;
	readonly toml: (tree: DaemonTree) => string;
	/** Of the disk that is written to. */
	readonly disk: string;
	readonly prepare?: (world: World) => Promise<void>;
	/** Not waited for. */
	readonly act: (world: World) => Promise<unknown>;
	/** After the next start. */
	readonly look: (world: World, t: Test) => Promise<void>;
}

/** A daemon, what is said to it, and what its disk was told to hold. */
class World {
	readonly tree = new DaemonTree();
	/** The last line that whoever waited for it was told, if it was not done. */
	told: string | null = null;
	#byte = 1;
	#places = 0;

	constructor(readonly deed: Deed) {
		this.tree.configure(this.head + deed.toml(this.tree));
	}

	get near(): string {
		return this.tree.path("near.sock");
	}

	get head(): string {
		return `[nbd]\nlisten = ["unix:${this.near}"]\n`;
	}

	async say(...words: string[]): Promise<{ readonly code: number | null; readonly text: string }> {
		const { code, output } = await run(
			[...vbladeCommand(), ...words, "--socket", this.tree.socket],
			LIMIT_MS,
		);
		return { code, text: output };
	}

	async io(...commands: string[]): Promise<string> {
		const words = commands.flatMap((command) => ["-c", command]);
		const uri = `nbd+unix:///${this.deed.disk}?socket=${this.near}`;
		return (await run(["qemu-io", "-f", "raw", ...words, uri], LIMIT_MS)).output;
	}

	/** Something more, that is acknowledged. */
	async write(t: Test): Promise<void> {
		t.notMatch(await this.io(`write -P ${this.#byte++} ${this.#places++ * 256}K 256K`, "flush"), FAILED);
	}

	async isThere(t: Test): Promise<void> {
		const reads = Array.from({ length: this.#places }, (_, i) => `read -P ${1 + i} ${i * 256}K 256K`);
		const told = await this.io(...reads);
		t.notMatch(told, /Pattern verification failed/);
		t.notMatch(told, FAILED);
	}

	/** Nothing of it is left. */
	async kill(): Promise<void> {
		const pids = (await this.tree.processes()).map(({ pid }) => pid);
		sendSignal(this.tree.program.pid, "SIGKILL");
		for (const pid of pids) if (pid !== null && pid !== this.tree.program.pid) sendSignal(pid, "SIGKILL");
		await this.tree.program.stop("SIGKILL", LIMIT_MS);
	}

	async standings(): Promise<string> {
		const { parts } = (await this.tree.ask("GET", `/api/v1/disks/${this.deed.disk}`)).body;
		const all = (parts ?? []) as readonly { mirrored: { standing: string } | null }[];
		return all.map(({ mirrored }) => mirrored?.standing ?? "-").join(" ");
	}

	inSync(): Promise<void> {
		return until("all are in sync", async () => /^inSync( inSync)*$/.test(await this.standings()), LIMIT_MS);
	}

	async same(t: Test): Promise<void> {
		t.match((await this.say("disk", "verify", this.deed.disk)).text, /compared: they are the same/);
	}
}

const files = (tree: DaemonTree, sizeMib: number, ...names: string[]): string =>
	names.map((name) => `[disk.${name}]\nfile = "${tree.file(`${name}.img`, sizeMib * MIB)}"\n`).join("");
const again = (tree: DaemonTree, ...names: string[]): string =>
	names.map((name) => `[disk.${name}]\nfile = "${tree.path(`${name}.img`)}"\n`).join("");
const mirror = (...names: string[]): string =>
	`[disk.safe]\nmirror = ${JSON.stringify(names)}\nresync_rate = "8M"\ndegraded = true\n[disk.safe.nbd]\n`;
const pool = (...names: string[]): string =>
	`[pool.far]\ndisks = ${JSON.stringify(names)}\n[disk.web]\nvolume = "far/web"\n[disk.web.nbd]\n`;

/** Where nobody looks, so that nothing that was written is concerned. */
async function spoil({ tree }: World, name: string): Promise<void> {
	await tree.stop();
	const file = openSync(tree.path(`${name}.img`), "r+");
	for (let at = 6; at < 12; at++) writeSync(file, Buffer.alloc(4096, 0xbd), 0, 4096, at * MIB);
	closeSync(file);
	await tree.start();
	await tree.state("safe", "open");
}

async function makePool(world: World): Promise<void> {
	for (const words of [
		["pool", "create", "far"],
		["volume", "create", "far/web", "64M"],
	])
		await world.say(...words);
	await world.tree.state("web", "open");
}

const parts = async ({ tree }: World): Promise<string> => {
	const { disks } = (await tree.ask("GET", "/api/v1/pools/far")).body;
	const all = (disks ?? []) as readonly { disk: string; state: string }[];
	return all
		.map(({ disk, state }) => `${disk} ${state}`)
		.sort()
		.join(", ");
};

const DEEDS: readonly Deed[] = [
	{
		name: "a member is copied to anew",
		disk: "safe",
		toml: (tree) => mirror("a", "b") + files(tree, 17, "a", "b"),
		prepare: async (world) => {
			await world.inSync();
			await world.tree.stop();
			const file = openSync(world.tree.path("b.img"), "r+");
			writeSync(file, Buffer.alloc(MIB, 0xbd), 0, MIB, 16 * MIB);
			closeSync(file);
			await world.tree.start();
			await world.tree.state("safe", "open");
		},
		act: (world) => world.say("disk", "resync", "safe", "b"),
		look: async (world, t) => {
			// (Killed before it was begun, it is asked for again.)
			if (/refused/.test(await world.standings())) await world.say("disk", "resync", "safe", "b");
			await world.inSync();
			await world.same(t);
		},
	},
	{
		name: "comparing with repair",
		disk: "safe",
		toml: (tree) => mirror("a", "b", "c") + files(tree, 17, "a", "b", "c"),
		prepare: async (world) => {
			await world.inSync();
			await spoil(world, "b");
			await world.inSync();
		},
		act: async (world) => {
			const { code, text } = await world.say("disk", "verify", "safe", "--repair");
			world.told = code === 0 ? null : (text.trim().split("\n").at(-1) ?? "");
		},
		look: async (world, t) => {
			// (It may have come to its end, which is not without a status where something differed.)
			if (world.told !== null)
				t.match(world.told, /^vblade: .+|^[0-9]+M compared: .+ written again$/, "that it does not go on");
			await world.inSync();
			t.match((await world.say("disk", "verify", "safe", "--repair")).text, /compared: /);
			await world.same(t);
		},
	},
	{
		name: "a reload has one member more, and one fewer",
		disk: "safe",
		toml: (tree) => mirror("a", "b") + files(tree, 17, "a", "b", "c"),
		prepare: (world) => world.inSync(),
		act: async ({ tree, head }) => {
			tree.configure(head + mirror("a", "c") + again(tree, "a", "b", "c"));
			await tree.reload();
		},
		look: async (world, t) => {
			await world.inSync();
			t.match((await world.say("disk", "show", "safe")).text, /disk c: in sync/);
			await world.same(t);
		},
	},
	{
		name: "a pool is made",
		disk: "web",
		toml: (tree) => pool("a", "b", "c") + files(tree, 73, "a", "b", "c"),
		act: (world) => world.say("pool", "create", "far"),
		look: async (world, t) => {
			const told = await world.say("pool", "create", "far");
			if (told.code !== 0) t.match(told.text, /there is a pool|has a part of a pool on it/);
			await makePool(world);
			await world.write(t);
			await world.isThere(t);
		},
	},
	{
		name: "one disk is added, and another one emptied",
		disk: "web",
		toml: (tree) => pool("a", "b") + files(tree, 137, "a", "b", "c"),
		prepare: makePool,
		act: async (world) => {
			world.tree.configure(world.head + pool("a", "b", "c") + again(world.tree, "a", "b", "c"));
			await world.tree.reload();
			await world.say("pool", "add", "far", "c");
			await world.say("pool", "remove", "far", "a");
		},
		look: async (world) => {
			if (!/c in use/.test(await parts(world))) await world.say("pool", "add", "far", "c");
			await world.say("pool", "remove", "far", "a");
			await until("one is emptied", async () => (await parts(world)) === "b in use, c in use", LIMIT_MS);
		},
	},
];

if (await inNamespace(import.meta.url, 10 * LIMIT_MS)) {
	for (const deed of variants(DEEDS, 1, 4))
		t.test(deed.name, { timeout: 5 * LIMIT_MS }, async (t) => {
			for (const [i, delayMs] of DELAYS.entries()) {
				const world = new World(deed);
				const { tree } = world;
				await tree.start();
				t.teardown(() => tree.stop());
				const isPool = deed.disk === "web";
				if (!isPool) await tree.state(deed.disk, "open");
				await deed.prepare?.(world);
				if (deed.name !== "a pool is made") for (let n = 0; n < 4; n++) await world.write(t);
				const acting = deed.act(world).catch((error: unknown) => t.comment(String(error)));
				await sleep(delayMs);
				await world.kill();
				await acting;
				await tree.start();
				if (deed.name !== "a pool is made") {
					await tree.state(deed.disk, "open");
					await world.isThere(t);
					await world.write(t);
				}
				await deed.look(world, t);
				await world.isThere(t);
				t.equal((await tree.stop()).code, 0, `delay ${delayMs}, ${i + 1}`);
			}
		});
}
