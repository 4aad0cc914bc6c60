/**
 * A Linux kernel with an ext4 on a disk of the daemon, over AoE or iSCSI, fio at work on it, while the daemon has to go through all that can happen to it
 * (`ordeals.ts`) and has its configuration read again all the time. Nothing may be lost, and the kernel may see no error; how long
 * each pause was is told. Played by `daemon.long.ts`.
 *
 *     daemon's lan0 <=====> lan0 [ switch0 ] port0 <=====> guest0 guest's vec0
 */

import { readFileSync, writeFileSync } from "node:fs";
import type { Test } from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { pause, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import type { Program } from "../support/process.js";
import { configureFor, ORDEALS, type Over, PORTAL, type Sufferer } from "./ordeals.js";
import { Stage } from "./stage.js";

/** Answers after which it is at work again. */
const BACK_FRAMES = 200;
const LOOK_MS = 20;
const RELOAD_MS = 250;
/** Where the guest is for TCP. */
const SITE = "10.9.0.2";

export interface OrdealsCase {
	readonly over: Over;
	readonly mtu: number;
	readonly jobs: readonly string[];
	/** Of each job's file. */
	readonly megabytes: number;
	/** fio's operations a second. */
	readonly rate: number;
	/** How often it goes through all of them. */
	readonly rounds: number;
	readonly limitMs: number;
}

export async function ordeals(t: Test, options: OrdealsCase): Promise<void> {
	const { over, mtu, jobs, megabytes, rate, limitMs } = options;
	const stage = new Stage(t, { mtu, megabytes: jobs.length * megabytes + 64 });
	const guestPort = stage.addSwitch();
	const { server } = stage.lan;
	const tree = new DaemonTree(server.name);
	server.ip("address", "add", `${PORTAL.address}/24`, "dev", "lan0");
	configureFor(tree, stage.file(), false, over);
	await tree.start();
	const answers = await Answers.on(server.start(["sh", "-c", "echo inside; exec sleep 3600"]));
	t.teardown(() => answers.stop());
	const enough = tree.path("enough");
	const suffering = new Suffering(t, { tree, server, mtu, over }, stage.file(), answers);
	let suffered: Promise<void> | undefined;
	const console = await stage.run({
		script: over === "aoe" ? "ordeals.sh" : "iscsi-outage.sh",
		isForTcp: over === "iscsi",
		variables: {
			...{ disk: "e9.0", site: SITE, portal: `${PORTAL.address}:${PORTAL.port}` },
			jobs: jobs.join(","),
			size: `${megabytes}m`,
			rate,
			enough,
		},
		interfaceNames: [guestPort],
		limitMs,
		onLine: (line) => {
			if (line.endsWith("writing"))
				suffered = suffering.through(options.rounds).finally(() => writeFileSync(enough, ""));
		},
	});
	await suffered;
	t.match(console, /verified$/m, "without an error, and all is there");
	t.comment(/written, .*$/m.exec(console)?.[0] ?? "");
	await tree.state("web", "open");
	t.strictSame(await tree.stop(), { code: 0, signal: null }, "the daemon ends well");
	t.notMatch(tree.said + tree.program.output, /bug|Error:/, "and has had no trouble with itself");
	await stage.check(t);
}

/** What the daemon sends, counted where it does. */
class Answers {
	/** Longest time without one, since that was forgotten. */
	pauseMs = 0;
	#sinceMs = performance.now();
	#last = 0;
	readonly #timer: NodeJS.Timeout;

	/** `inside`: a program that has said that it is in the namespace. */
	static async on(inside: Program): Promise<Answers> {
		await inside.waitFor(/^inside$/m, LIMIT_MS);
		return new Answers(inside.pid);
	}

	private constructor(readonly pid: number) {
		this.#timer = setInterval(() => this.count(), LOOK_MS);
	}

	stop(): void {
		clearInterval(this.#timer);
	}

	count(): number {
		const line = /^\s*lan0:(.*)$/m.exec(readFileSync(`/proc/${this.pid}/net/dev`, "latin1"))?.[1] ?? "";
		const count = Number(line.trim().split(/\s+/)[9]);
		const nowMs = performance.now();
		this.pauseMs = Math.max(this.pauseMs, nowMs - this.#sinceMs);
		if (count !== this.#last) this.#sinceMs = nowMs;
		this.#last = count;
		return count;
	}

	forgetPause(): void {
		this.pauseMs = 0;
		this.#sinceMs = performance.now();
	}
}

class Suffering {
	readonly #t: Test;
	readonly #sufferer: Sufferer;
	readonly #file: string;
	readonly #answers: Answers;
	#reloads = 0;
	#isOver = false;

	constructor(t: Test, sufferer: Sufferer, file: string, answers: Answers) {
		this.#t = t;
		this.#sufferer = sufferer;
		this.#file = file;
		this.#answers = answers;
	}

	/** All of them, so many times, each when the client is at work again. */
	async through(rounds: number): Promise<void> {
		const reloading = this.#reloadAgainAndAgain();
		try {
			for (let round = 0; round < rounds; round++)
				for (const [name, ordeal] of Object.entries(ORDEALS)) {
					this.#answers.forgetPause();
					await ordeal(this.#sufferer);
					await this.#isBack(name);
					this.#t.comment(`${name}: longest pause ${Math.round(this.#answers.pauseMs)} ms`);
				}
		} finally {
			this.#isOver = true;
			await reloading;
		}
		this.#t.ok(this.#reloads > rounds, `${this.#reloads} reloads meanwhile`);
	}

	async #isBack(after: string): Promise<void> {
		const before = this.#answers.count();
		await until(`answers after: ${after}`, () => this.#answers.count() > before + BACK_FRAMES, LIMIT_MS);
	}

	/** Another disk comes and goes all the time; while nobody is there who could be asked, that is left out. */
	async #reloadAgainAndAgain(): Promise<void> {
		const { tree, over } = this.#sufferer;
		for (let hasOther = true; !this.#isOver; hasOther = !hasOther) {
			configureFor(tree, this.#file, hasOther, over);
			if (await tree.reload()) this.#reloads += 1;
			await pause(RELOAD_MS);
		}
	}
}
