/**
 * `vblade daemon` under measurement: a configuration of so many files, and all of its processes. Used by `contenders.ts`, which has rows
 * measured through it, and by `daemon-figures.ts`.
 */

import { DaemonTree, diskToml } from "../daemon/tree-bench.js";
import type { Lan } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";

/** Slots of a shelf that can be used: 255 stands for all of them. */
const SLOTS = 255;
const FIRST_SHELF = 9;
const JOB_LIMIT_MS = 30_000;
const JOB_POLL_MS = 2;
const DURABILITY = "--durability=";

/** Shelf and slot of the blade that stands at `index` of a server's blades. */
export function addressOf(index: number): { shelf: number; slot: number } {
	return { shelf: FIRST_SHELF + Math.floor(index / SLOTS), slot: index % SLOTS };
}

/** What a blade needs of file descriptors, and what a process needs besides. */
export const descriptorsFor = (blades: number): number => blades * 2 + 1000;

export class BenchDaemon {
	readonly #options: readonly string[];
	/** Of its processes, by kind. */
	readonly pidOf = new Map<string, number>();

	private constructor(
		readonly tree: DaemonTree,
		options: readonly string[],
	) {
		this.#options = options;
	}

	/** Of all its processes. */
	get pids(): readonly number[] {
		return [...this.pidOf.values()];
	}

	/** Resolves when all files are served. @param core undefined: on all of them */
	static async start(
		lan: Lan,
		files: readonly string[],
		options: readonly string[],
		core?: number,
	): Promise<BenchDaemon> {
		const tree = new DaemonTree(lan.server.name);
		const limit = descriptorsFor(files.length);
		const pinned = core === undefined ? [] : ["taskset", "-c", String(core)];
		tree.vblade = [...pinned, "prlimit", `--nofile=${limit}:${limit}`, ...vbladeCommand()];
		const daemon = new BenchDaemon(tree, options);
		daemon.configure(files);
		await tree.start();
		if (/not served/.test(tree.program.output)) {
			await tree.stop();
			throw new Error(tree.program.output);
		}
		await daemon.findProcesses();
		return daemon;
	}

	/** Again, if one of them has been replaced. */
	async findProcesses(): Promise<void> {
		for (const { kind, pid } of await this.tree.processes()) if (pid !== null) this.pidOf.set(kind, pid);
	}

	configure(files: readonly string[]): void {
		const durability = this.#options
			.find((option) => option.startsWith(DURABILITY))
			?.slice(DURABILITY.length);
		const more = durability === undefined ? "" : `durability = "${durability}"`;
		const disks = files.map((file, index) => {
			const { shelf, slot } = addressOf(index);
			return diskToml(`d${index}`, `file = "${file}"`, `${shelf}.${slot}`, "lan0", more);
		});
		this.tree.configure(disks.join(""));
	}

	/** Resolves when what is configured is served; to the milliseconds that took. */
	async reload(): Promise<number> {
		const begin = performance.now();
		const { body: job } = await this.tree.ask("POST", "/api/v1/reload", {});
		for (;;) {
			const { body } = await this.tree.ask("GET", `/api/v1/jobs/${String(job.id ?? job.job)}`);
			const ms = performance.now() - begin;
			if (String(body.state) === "failed" || ms > JOB_LIMIT_MS) throw new Error(JSON.stringify(body));
			if (String(body.state) !== "running") return ms;
			await new Promise((resolve) => setTimeout(resolve, JOB_POLL_MS));
		}
	}

	/** Milliseconds until all of an answer is there. */
	async get(resource: string): Promise<number> {
		const begin = performance.now();
		const { status } = await this.tree.ask("GET", resource);
		if (status !== 200) throw new Error(`GET ${resource}: ${status}`);
		return performance.now() - begin;
	}

	async stop(): Promise<void> {
		await this.tree.stop();
	}
}
