// A pool on a mirror, a disk of a server that is killed and comes back, and a file: one is added and another one emptied while it is written to and all
// processes are killed, and what was acknowledged is there, also where one disk of the mirror has something else.
import { execFileSync } from "node:child_process";
import { closeSync, openSync, writeSync } from "node:fs";
import t, { type Test } from "tap";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { longTest } from "../support/long.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run, sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const MIB = 1024 * 1024;
const SECTORS = 8;
/** Pages that are written to again and again. */
const PAGES = 64;
/** More than a file of the log has room for. */
const FILLED = "80M";

const FAILED = /fail|error/i;

function page(fill: number): Uint8Array {
	return new Uint8Array(512 * SECTORS).fill(fill);
}

/** Writes until it is over, and knows what was acknowledged. */
class Load {
	#isOver = false;
	#ended: Promise<void>;

	/** `values`: what pages have by now. */
	constructor(
		disk: RemoteDisk,
		readonly values: number[],
	) {
		this.#ended = this.#run(disk);
	}

	async #run(disk: RemoteDisk): Promise<void> {
		for (let turn = 0; !this.#isOver; turn++) {
			const value = 1 + (turn % 249);
			await disk.write((turn % PAGES) * SECTORS, page(value));
			this.values[turn % PAGES] = value;
		}
	}

	async end(): Promise<void> {
		this.#isOver = true;
		await this.#ended;
	}
}

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const [near, far] = [tree.path("nbd.sock"), "127.0.0.1:10899"];
	const files = {
		...{ m1: tree.file("m1.img", 140 * MIB), m2: tree.file("m2.img", 140 * MIB) },
		...{ far: tree.file("far.img", 137 * MIB), late: tree.file("late.img", 201 * MIB) },
	};
	const configure = (...disks: string[]): void =>
		tree.configure(
			[
				`[nbd]\nlisten = ["unix:${near}"]\n[pool.mixed]\ndisks = ${JSON.stringify(disks)}\n`,
				diskToml("web", 'volume = "mixed/web"', "9.0", `unix:${tree.frames}`),
				'[disk.mail]\nvolume = "mixed/mail"\n[disk.mail.nbd]\n',
				`[disk.both]\nmirror = ["m1", "m2"]\n[disk.m1]\nfile = "${files.m1}"\n[disk.m2]\nfile = "${files.m2}"\n`,
				`[disk.attic]\nremote = "nbd://${far}/"\ninterval = "1s"\nresend = 60\n`,
				`[disk.late]\nfile = "${files.late}"\n`,
			].join("\n"),
		);
	const serve = async (): Promise<Program> => {
		const server = new Program([...vbladeCommand(), "nbd", "--durability=flush", far, files.far]);
		await server.waitFor(/ sectors /, LIMIT_MS);
		return server;
	};
	let server = await serve();
	configure("both", "attic");
	await tree.start();
	t.teardown(async () => {
		await tree.stop();
		await server.stop();
	});
	const done = async (...words: string[]): Promise<string> => {
		const { code, output } = await run([...vbladeCommand(), ...words, "--socket", tree.socket], LIMIT_MS);
		t.equal(code, 0, output);
		return output;
	};
	const io = async (...commands: string[]): Promise<string> => {
		const words = commands.flatMap((command) => ["-c", command]);
		return (await run(["qemu-io", "-f", "raw", ...words, `nbd+unix:///mail?socket=${near}`], LIMIT_MS))
			.output;
	};
	type Part = { readonly disk: string; readonly state: string; readonly usedBytes: number };
	const parts = async (): Promise<readonly Part[]> => {
		const { disks } = (await tree.ask("GET", "/api/v1/pools/mixed")).body;
		return (disks ?? []) as readonly Part[];
	};
	const values = new Array<number>(PAGES).fill(0);
	const hasAll = async (t: Test): Promise<void> => {
		const disk = await tree.open(9, 0);
		for (const [at, value] of values.entries())
			t.ok(Buffer.from(await disk.read(at * SECTORS, SECTORS)).equals(page(value)), `page ${at}`);
		t.notMatch(await io(`read -P 7 0 ${FILLED}`), FAILED);
	};

	t.test("it is on both, and goes on when the server of one is killed and comes back", async (t) => {
		for (const name of ["both", "attic"]) await tree.state(name, "open");
		await done("pool", "create", "mixed");
		await done("volume", "create", "mixed/web", "64M");
		await done("volume", "create", "mixed/mail", "128M");
		for (const name of ["web", "mail"]) await tree.state(name, "open");
		t.notMatch(await io(`write -P 7 0 ${FILLED}`, "flush"), FAILED);
		t.ok(
			(await parts()).every(({ usedBytes }) => usedBytes > 0),
			"both have something",
		);
		const load = new Load(await tree.open(9, 0), values);
		server.signal("SIGKILL");
		await server.end;
		server = await serve();
		await load.end();
		await hasAll(t);
	});

	t.test("one is added and one emptied under load; all processes and the server are killed", async (t) => {
		configure("both", "attic", "late");
		t.ok(await tree.reload());
		await until("it is a part", async () => (await parts()).length === 3, LIMIT_MS);
		const load = new Load(await tree.open(9, 0), values);
		t.equal((await tree.ask("POST", "/api/v1/pools/mixed/empty", { disk: "attic" })).status, 202);
		await until(
			"it is being emptied",
			async () => (await parts()).some(({ disk, state }) => disk === "attic" && state === "leaving"),
			LIMIT_MS,
		);
		await load.end();
		server.signal("SIGKILL");
		const pids = (await tree.processes()).map(({ pid }) => pid);
		for (const pid of pids) if (pid !== null) sendSignal(pid, "SIGKILL");
		await tree.program.stop("SIGKILL", LIMIT_MS);
		await server.end;
		server = await serve();
		await tree.start();
		for (const name of ["web", "mail"]) await tree.state(name, "open");
		await hasAll(t);
		const more = new Load(await tree.open(9, 0), values);
		const isGone = async (): Promise<boolean> => (await parts()).every(({ disk }) => disk !== "attic");
		await until("it is emptied", isGone, LIMIT_MS);
		await more.end();
		await server.stop();
		configure("both", "late");
		t.ok(await tree.reload());
		await hasAll(t);
	});

	type Member = { readonly mirrored: { readonly standing: string } | null };
	/** Neither disk of the mirror lacks anything that the other one has. */
	const inSync = async (): Promise<void> => {
		const standing = async (name: string): Promise<unknown> => {
			const { parts } = (await tree.ask("GET", `/api/v1/disks/${name}`)).body;
			return (parts as unknown as readonly Member[]).map((part) => part.mirrored?.standing);
		};
		await until(
			"the mirror is in sync",
			async () => `${await standing("both")}` === "inSync,inSync",
			LIMIT_MS,
		);
	};
	/** All that the pool has on one disk is something else by now, labels and heads too; not what the mirror says of it. */
	const spoil = (name: string): void => {
		const file = openSync(name, "r+");
		const noise = new Uint8Array(MIB).fill(0xa5);
		for (let at = 0; at < 137 * MIB; at += MIB) writeSync(file, noise, 0, MIB, at);
		closeSync(file);
	};

	/** All is stable on both then, and neither is copied to the other at the next start, when one is what `spoil` has made of it. */
	const startSpoilt = async (t: Test, name: string): Promise<void> => {
		t.match(await tree.stop(), { code: 0, signal: null }, tree.program.output);
		spoil(name);
		await tree.start();
		for (const disk of ["web", "mail"]) await tree.state(disk, "open");
		t.notMatch(tree.program.output, /both: mirror: disk m\d (is behind|is being copied to)/);
	};

	t.test("what one disk of the mirror has lost is read from the other one", async (t) => {
		t.notMatch(await io("write -P 9 100M 16M", "flush"), FAILED);
		await inSync();
		await startSpoilt(t, files.m1);
		t.notMatch(await io(`read -P 7 0 ${FILLED}`, "read -P 9 100M 16M"), FAILED);
		const verify = ["disk", "verify", "both", "--repair", "--from", "m2", "--socket", tree.socket];
		const { code, output } = await run([...vbladeCommand(), ...verify], LIMIT_MS);
		t.equal(code, 1, "something differs");
		t.match(output, /disk m1 differs from disk m2; written again/);
	});

	longTest("and the same the other way round", {}, async (t) => {
		await inSync();
		await startSpoilt(t, files.m2);
		t.notMatch(await io(`read -P 7 0 ${FILLED}`, "read -P 9 100M 16M"), FAILED);
		await hasAll(t);
	});
}
