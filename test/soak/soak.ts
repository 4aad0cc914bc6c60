/**
 * The soak: the real `vblade` in a namespace, and for as long as is asked for initiators that read, write, trim and flush
 * and know what they must read, one of which comes and goes, while the link goes down and up, its MTU changes and the disks
 * grow. Then looks whether every sector was what it had to be, and whether memory and descriptors have stayed as they were.
 * Called by `soak.test.ts` (5 s) and `soak.long.ts` (`npm run soak`, 10 minutes).
 */

import { readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { Random } from "../../lib/random.js";
import { pause, scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Lan, namespacesMissing } from "../support/netns.js";
import { PROJECT, vbladeCommand } from "../support/paths.js";
import type { Program } from "../support/process.js";

const MIB = 1024 * 1024;
const PART_SECTORS = 4096;
/** What memory may differ by after warm-up: the collector of garbage does not care to be prompt. */
const MEMORY_SLACK_KIB = 24 * 1024;

interface Report {
	reads: number;
	writes: number;
	trims: number;
	flushes: number;
	verifiedSectors: number;
	askedAgain: number;
	aborted: number;
	retransmissions: number;
	size: number;
}

interface Sample {
	readonly memoryKib: number;
	readonly descriptors: number;
}

function sample(pid: number): Sample {
	const [, memory] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
	return { memoryKib: Number(memory), descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

/** Everything on the stage of the soak. */
class Soak {
	readonly lan = new Lan({ mtu: 9000 });
	readonly #directory = scratchDirectory();
	readonly files = ["a", "b"].map((name) => path.join(this.#directory, name));
	readonly server: Program;
	readonly samples: Sample[] = [];
	readonly done = { flaps: 0, mtuChanges: 0, growths: 0, lives: 0 };
	readonly totals: Report = {
		...{ reads: 0, writes: 0, trims: 0, flushes: 0 },
		...{ verifiedSectors: 0, askedAgain: 0, aborted: 0, retransmissions: 0, size: 0 },
	};

	constructor(readonly random: Random) {
		for (const file of this.files) {
			writeFileSync(file, "");
			truncateSync(file, 16 * MIB);
		}
		const storages = [...this.files, "mem:16M"];
		const blades = storages.flatMap((storage, slot) => ["9", String(slot), "lan0", storage]);
		this.server = this.lan.server.start([...vbladeCommand(), ...blades]);
	}

	/** The process that serves, behind setpriv and ip. */
	get pid(): number {
		return Number(/^pid (\d+)/m.exec(this.server.stdout)?.[1]);
	}

	/** An initiator for part `part` of a blade, at work. */
	async client(slot: number, part: number): Promise<Program> {
		const program = this.lan.client.start([
			process.execPath,
			...[path.join(PROJECT, "build/test/soak/client.js"), "lan0", String(slot), String(part * PART_SECTORS)],
			...[
				String(PART_SECTORS),
				String(this.random.below(1e9)),
				path.join(this.#directory, `${slot}.${part}`),
			],
		]);
		await program.waitFor(/^at work$/m, LIMIT_MS);
		return program;
	}

	/** Lets an initiator finish, and adds up what it has done. Throws with what it said if that went wrong. */
	async finish(client: Program): Promise<void> {
		client.endInput();
		const ended = await client.finished(LIMIT_MS);
		if (ended.code !== 0) throw new Error(`an initiator failed: ${client.output}`);
		const report = JSON.parse(client.stdout.trim().split("\n").at(-1) ?? "") as Report;
		for (const key of Object.keys(this.totals) as (keyof Report)[]) this.totals[key] += report[key];
		this.done.lives += 1;
	}

	/** Something happens to the network or to a disk. */
	async disturb(): Promise<void> {
		const { server, client } = this.lan;
		switch (this.random.below(3)) {
			case 0:
				server.ip("link", "set", "lan0", "down");
				await pause(this.random.below(300));
				server.ip("link", "set", "lan0", "up");
				this.done.flaps += 1;
				break;
			case 1: {
				const mtu = this.random.pick([1500, 4200, 9000]);
				for (const side of [server, client]) side.ip("link", "set", "lan0", "mtu", String(mtu));
				this.done.mtuChanges += 1;
				break;
			}
			default: {
				const file = this.random.pick([this.files[0]!, this.files[1]!]);
				truncateSync(file, statSync(file).size + MIB);
				this.done.growths += 1;
			}
		}
	}

	async counters(): Promise<string> {
		const from = this.server.output.length;
		this.server.signal("SIGUSR1");
		await this.server.waitFor(/e9\.2: reads.*\n/, LIMIT_MS, from);
		return this.server.output.slice(from);
	}
}

/** Runs for about `seconds`, and reports to `t`. */
export async function soak(t: Test, seconds: number): Promise<void> {
	const random = new Random();
	const stage = new Soak(random);
	t.teardown(() => stage.lan.remove());
	t.comment(`seed ${random.seed}`);
	await stage.server.waitFor(/e9\.2, \d+ sectors/, LIMIT_MS);
	const staying = await Promise.all([stage.client(0, 0), stage.client(1, 0), stage.client(2, 0)]);
	let guest: Program | undefined = await stage.client(0, 1);
	const begin = Date.now();
	const elapsed = () => (Date.now() - begin) / 1000;
	while (elapsed() < seconds) {
		await pause(1000);
		// (Once at least, however short it is.)
		const isFirst = stage.samples.push(sample(stage.pid)) === 1;
		if (isFirst || random.chance(0.5)) await stage.disturb();
		if (random.chance(0.25)) {
			if (guest) await stage.finish(guest);
			guest = guest ? undefined : await stage.client(0, 1);
		}
		for (const client of staying)
			if (client.ended) throw new Error(`an initiator ended early: ${client.output}`);
	}
	for (const client of guest ? [...staying, guest] : staying) await stage.finish(client);
	stage.samples.push(sample(stage.pid));
	await judge(t, stage, seconds);
}

async function judge(t: Test, stage: Soak, seconds: number): Promise<void> {
	const { samples, totals, done } = stage;
	const third = Math.floor(samples.length / 3);
	const most = (of: readonly Sample[], what: keyof Sample) => Math.max(...of.map((each) => each[what]));
	const [warm, last] = [samples.slice(third, 2 * third), samples.slice(2 * third)];
	const counters = await stage.counters();

	t.ok(totals.verifiedSectors > 0, "every sector was what it had to be");
	t.ok(
		totals.reads > 0 && totals.writes > 0 && totals.trims > 0 && totals.flushes > 0,
		"all kinds of work were done",
	);
	t.ok(done.flaps + done.mtuChanges + done.growths > 0 && done.lives >= 3, "under disturbances");
	const memory = [most(warm, "memoryKib"), most(last, "memoryKib")] as const;
	t.ok(
		memory[1] <= memory[0] + MEMORY_SLACK_KIB,
		`memory: ${memory[0]} KiB when warm, ${memory[1]} KiB at the end`,
	);
	// One more is open for a moment while a link is made anew.
	const descriptors = [most(warm, "descriptors"), most(last, "descriptors")];
	const isBack = () => {
		descriptors[1] = sample(stage.pid).descriptors;
		return descriptors[1] <= descriptors[0]!;
	};
	await until(`descriptors: ${descriptors[0]} when warm, ${descriptors[1]} at the end`, isBack, LIMIT_MS);
	t.pass(`descriptors: ${descriptors[0]} when warm, ${descriptors[1]} at the end`);
	const blades = [...counters.matchAll(/e9\.\d: reads (\d+).*writes (\d+).*errors (\d+)/g)];
	t.equal(blades.length, 3);
	let failed = 0;
	for (const [line, reads, writes, errors] of blades) {
		t.ok(Number(reads) > 0 && Number(writes) > 0, line);
		failed += Number(errors);
	}
	// An answer that got lost was an error too.
	t.ok(
		failed <= totals.aborted + totals.retransmissions,
		`commands aborted, too long for a new MTU: ${failed}`,
	);
	t.notMatch(counters, /failed:/, "no storage has failed");
	t.notMatch(stage.server.stderr, /error:/, "and nothing was amiss in the log");
	t.same(await stage.server.stop(), { code: 0, signal: null }, "it ends in order");
	const grown = statSync(stage.files[0]!).size / MIB;
	process.stderr.write(
		`soak, ${seconds} s: ${totals.reads} reads, ${totals.writes} writes, ${totals.trims} trims, ${totals.flushes} flushes; ` +
			`${totals.verifiedSectors} sectors verified; ${done.lives} lives of initiators, ${done.flaps} flaps, ` +
			`${done.mtuChanges} changes of MTU, ${done.growths} growths (to ${grown} MiB); ${totals.retransmissions} sent again, ` +
			`${totals.askedAgain} asked anew; memory ${memory[0]} -> ${memory[1]} KiB, ` +
			`descriptors ${descriptors[0]} -> ${descriptors[1]}\n`,
	);
}

/** The file's one test. */
export function soakTest(seconds: number): void {
	t.setTimeout((seconds + 120) * 1000);
	const skip = namespacesMissing() ?? false;
	t.test(`${seconds} s of everything`, { skip, timeout: (seconds + 120) * 1000 }, (t) => soak(t, seconds));
}
