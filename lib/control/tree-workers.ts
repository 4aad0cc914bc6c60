/**
 * The workers, as control asks them: what `seams.ts` wants of them, over a channel to each, which is new whenever one of both ends was
 * started again. Which worker has a disk is decided when it is first added, and stays so. Made by `process.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Asking, type Delivery, NoAnswerError } from "../channel/asking.js";
import type { SetOnDisk } from "../daemon/set-access.js";
import type { WorkerLook } from "../daemon/worker-look.js";
import type { Serving, WorkerDisk, WorkerNews, WorkerRequest } from "../daemon/worker-messages.js";
import { OperatorError } from "../errors.js";
import type { DiskConfig } from "../spec/configuration.js";
import type { LinkSpec } from "../spec/spec.js";
import { Onlooker } from "./onlooker.js";
import type { KeptDisk, Look, Removed, ServedDisk, Workers, WorkersListener } from "./seams.js";

/** A file system that checks itself may keep the opener that long; nobody else waits for it. */
const ADD_LIMIT_MS = 120_000;
const ASK_LIMIT_MS = 20_000;
const LOOK_LIMIT_MS = 5000;
const START_LIMIT_MS = 5000;
const START_POLL_MS = 5;
const INSIST_PAUSE_MS = 500;

interface Worker {
	readonly index: number;
	asking: Asking | null;
	/** Counts how often it, or control, has been started. */
	life: number;
	onlooker: Onlooker;
	readonly disks: Set<string>;
}

export class TreeWorkers implements Workers {
	readonly #workers: readonly Worker[];
	/** By name of the disk. */
	readonly #workerOf = new Map<string, Worker>();
	#listener: WorkersListener | null = null;

	constructor(count: number) {
		this.#workers = Array.from({ length: count }, (_, index) => ({
			index,
			asking: null,
			life: 0,
			onlooker: new Onlooker(index, 0),
			disks: new Set<string>(),
		}));
	}

	listen(listener: WorkersListener): void {
		this.#listener = listener;
		for (const { index, asking } of this.#workers) if (asking !== null) listener.started(index);
	}

	/** A worker is new, or its channel is. */
	join(index: number, descriptor: number): void {
		const worker = this.#workers[index];
		if (worker === undefined) return;
		worker.asking?.close();
		const asking: Asking = new Asking(
			descriptor,
			{
				answer: () => {
					throw new OperatorError("control answers no worker");
				},
				told: ({ body }) => this.#told(worker, body as unknown as WorkerNews),
				ended: () => {
					if (worker.asking === asking) worker.asking = null;
				},
			},
			{ longestBytes: 64 * 1024 * 1024 },
		);
		worker.asking = asking;
		worker.life += 1;
		worker.onlooker = new Onlooker(index, worker.life);
		this.#listener?.started(index);
	}

	/** Waits for each worker, which may be on its way still. */
	async serving(): Promise<readonly ServedDisk[]> {
		const all = await Promise.all(
			this.#workers.map(async (worker) => {
				for (let waitedMs = 0; worker.asking === null && waitedMs < START_LIMIT_MS; waitedMs += START_POLL_MS)
					await sleep(START_POLL_MS);
				// It has nothing; when it comes it is told all.
				if (worker.asking === null) return [];
				const { body } = await this.#ask(worker, { kind: "serving" });
				const disks = body.disks as Serving[];
				for (const { name, set } of disks) {
					this.#give(name, worker);
					// While nobody was there who could keep it.
					if (Object.keys(set).length > 0) void this.#listener?.set(name, set);
				}
				return disks;
			}),
		);
		return all.flat();
	}

	workerOf(disk: string): number {
		return this.#chosen(disk).index;
	}

	async add(
		disk: DiskConfig,
		links: readonly LinkSpec[],
		kept: KeptDisk,
		fingerprint: string,
	): Promise<void> {
		const added = workerDisk(disk, links, kept, fingerprint);
		await this.#ask(this.#chosen(disk.name), { kind: "add", disk: added }, ADD_LIMIT_MS);
	}

	async change({ name, disk, exports }: DiskConfig, fingerprint: string): Promise<void> {
		await this.#ask(this.#chosen(name), { kind: "change", disk, exports, fingerprint });
	}

	async withdraw(disk: string): Promise<void> {
		await this.#insist(this.#chosen(disk), { kind: "withdraw", name: disk });
	}

	async remove(disk: string): Promise<Removed> {
		const worker = this.#chosen(disk);
		const answer = await this.#insist(worker, { kind: "remove", name: disk });
		this.#workerOf.delete(disk);
		worker.disks.delete(disk);
		return answer === undefined ? "closed" : (answer.body.end as Removed);
	}

	async fence(disk: string, fenced: boolean): Promise<void> {
		await this.#ask(this.#chosen(disk), { kind: "fence", name: disk, fenced });
	}

	async look(): Promise<readonly Look[]> {
		const looks = await Promise.all(this.#workers.map((worker) => this.#look(worker)));
		return looks.flatMap((look) => look ?? []);
	}

	/** Undefined if it is not there now, or does not answer in time. */
	async #look(worker: Worker): Promise<Look | undefined> {
		if (worker.asking === null) return undefined;
		const { onlooker } = worker;
		try {
			const { body, bytes } = await this.#ask(worker, { kind: "look", since: onlooker.since }, LOOK_LIMIT_MS);
			const { names, worker: report, disks } = body as unknown as WorkerLook;
			return onlooker.take(names, numbersIn(bytes), disks, report);
		} catch (error) {
			if (error instanceof OperatorError) return undefined;
			throw error;
		}
	}

	/** The worker that has it, or else the one that has fewest, which has it from now on. */
	#chosen(disk: string): Worker {
		const known = this.#workerOf.get(disk);
		if (known !== undefined) return known;
		const [first] = [...this.#workers].sort((one, other) => one.disks.size - other.disks.size);
		if (first === undefined) throw new OperatorError("there is no worker");
		this.#give(disk, first);
		return first;
	}

	#give(disk: string, worker: Worker): void {
		this.#workerOf.set(disk, worker);
		worker.disks.add(disk);
	}

	#told(_worker: Worker, news: WorkerNews): void {
		if (news.kind === "happened") {
			const { level, message } = news;
			this.#listener?.happened({ kind: "log", severity: level === "warn" ? "warning" : level, message });
			return;
		}
		void this.#listener?.set(news.disk, news.set);
	}

	/**
	 * Asks for something to be taken away until that is certain; undefined: the worker has ended, and its successor has only what it
	 * is given.
	 */
	async #insist(worker: Worker, body: WorkerRequest): Promise<Delivery | undefined> {
		const { life } = worker;
		while (worker.asking !== null && worker.life === life) {
			try {
				return await worker.asking.ask({ body }, ASK_LIMIT_MS);
			} catch (error) {
				if (!(error instanceof NoAnswerError)) throw error;
				await sleep(INSIST_PAUSE_MS);
			}
		}
		return undefined;
	}

	/** Throws an OperatorError: what the worker refuses with, or that it is not there. */
	async #ask({ index, asking }: Worker, body: WorkerRequest, limitMs = ASK_LIMIT_MS): Promise<Delivery> {
		if (asking === null) throw new OperatorError(`worker ${index} is being started`);
		try {
			return await asking.ask({ body }, limitMs);
		} catch (error) {
			if (error instanceof NoAnswerError) throw new OperatorError(`worker ${index}: ${error.message}`);
			throw error;
		}
	}
}

/** The bytes of a message lie anywhere; numbers have to be aligned. */
function numbersIn(bytes: Uint8Array = new Uint8Array(0)): Float64Array {
	return new Float64Array(bytes.slice().buffer);
}

function workerDisk(
	disk: DiskConfig,
	links: readonly LinkSpec[],
	kept: KeptDisk,
	fingerprint: string,
): WorkerDisk {
	const { serial, wwn, fenced = false } = kept;
	const set = (kept.set ?? {}) as SetOnDisk;
	const netifs = new Set(disk.exports.flatMap((each) => each.netifs.map(({ name }) => name)));
	return {
		disk: { ...disk.disk, identity: { serial, wwn } },
		exports: disk.exports,
		links: links.filter(({ netif }) => netifs.has(netif.name)),
		fenced,
		fingerprint,
		set,
	};
}
