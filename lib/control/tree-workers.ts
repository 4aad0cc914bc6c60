/**
 * The workers, as control asks them: what `seams.ts` wants of them, over a channel to each, which is new whenever one of both ends was
 * started again. Made by `process.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Asking, type Delivery, NoAnswerError, type Parcel } from "../channel/asking.js";
import { FrameError } from "../channel/frames.js";
import { type Clock, systemClock } from "../clock.js";
import type { Serving, WorkerRequest } from "../daemon/worker-messages.js";
import { OperatorError } from "../errors.js";
import type { DiskConfig } from "../spec/configuration.js";
import type { LinkSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import { Allowance, endIn, lookIn, newsIn, numbersIn, setIn } from "./heard.js";
import { Looking, lookAtAll } from "./looking.js";
import { Onlooker } from "./onlooker.js";
import { AbsentError, asRefusal } from "./refused.js";
import type { KeptDisk, Look, Removed, ServedDisk, Workers, WorkersListener } from "./seams.js";
import { allReports, allServed } from "./whole-answers.js";
import { Choice } from "./worker-choice.js";
import { workerDisk } from "./worker-disk.js";

/** A file system that checks itself may keep the opener that long; nobody else waits for it. */
const ADD_LIMIT_MS = 120_000;
const ASK_LIMIT_MS = 20_000;
const LOOK_LIMIT_MS = 5000;
const START_LIMIT_MS = 5000;
const START_POLL_MS = 5;
const INSIST_PAUSE_MS = 500;
const MOST_TRIES = 3;
const DONE: Parcel = { body: {} };

interface Worker {
	readonly index: number;
	asking: Asking | null;
	/** Counts how often it, or control, has been started. */
	life: number;
	onlooker: Onlooker;
	readonly looking: Looking;
	readonly disks: Set<string>;
	/** Disks of which it is being kept what initiators have set. */
	readonly keeping: Set<string>;
	readonly allowance: Allowance;
}

export class TreeWorkers implements Workers {
	readonly #workers: readonly Worker[];
	readonly #choice: Choice<Worker>;
	#listener: WorkersListener | null = null;
	readonly #replace: (index: number) => void;

	/** `replace` has a worker started again whose words are none. */
	constructor(count: number, replace: (index: number) => void, clock: Clock = systemClock) {
		this.#replace = replace;
		this.#workers = Array.from({ length: count }, (_, index) => this.#newWorker(index, () => clock.now()));
		this.#choice = new Choice(this.#workers);
	}

	#newWorker(index: number, now: () => number): Worker {
		const worker: Worker = {
			index,
			asking: null,
			life: 0,
			onlooker: new Onlooker(index, 0),
			looking: new Looking(
				() => this.#look(worker),
				now,
				(isSilent) => this.#tellSilence(index, isSilent),
			),
			disks: new Set<string>(),
			keeping: new Set<string>(),
			allowance: new Allowance(now),
		};
		return worker;
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
				answer: ({ body }) => this.#believed(worker, () => this.#asked(worker, body)),
				told: ({ body }) => this.#told(worker, body),
				ended: (why) => {
					if (worker.asking !== asking) return;
					// One that only ends is started again anyway.
					if (why.startsWith("the other end")) this.#distrust(worker, why);
					worker.asking = null;
				},
			},
			{ longestBytes: 64 * 1024 * 1024 },
		);
		worker.keeping.clear();
		worker.asking = asking;
		worker.life += 1;
		worker.onlooker = new Onlooker(index, worker.life);
		worker.looking.forget();
		this.#listener?.started(index);
	}

	/** Waits for each worker, which may be on its way still. */
	async serving(): Promise<readonly ServedDisk[]> {
		const all = await Promise.all(
			this.#workers.map(async (worker) => {
				for (let waitedMs = 0; worker.asking === null && waitedMs < START_LIMIT_MS; waitedMs += START_POLL_MS)
					await sleep(START_POLL_MS);
				const disks = await this.#servedBy(worker);
				for (const { name, set, identity } of disks) {
					this.#choice.give(name, worker);
					if (identity !== undefined) this.#listener?.recognized(name, identity);
					// While nobody was there who could keep it.
					if (Object.keys(set).length > 0) void this.#listener?.set(name, set);
				}
				return disks;
			}),
		);
		return all.flat();
	}

	/** Nothing of one that is not there, or does not say: when it comes it is told all. */
	async #servedBy(worker: Worker): Promise<readonly Serving[]> {
		if (worker.asking === null) return [];
		const { life } = worker;
		try {
			return await allServed((request) => this.#ask(worker, request));
		} catch (error) {
			if (!(error instanceof OperatorError || error instanceof FrameError)) throw error;
			if (worker.asking !== null && worker.life === life) this.#distrust(worker, error.message);
			return [];
		}
	}

	workerOf(disk: Pick<DiskConfig, "name" | "disk">): number {
		return this.#choice.of(disk).index;
	}

	async add(
		disk: DiskConfig,
		links: readonly LinkSpec[],
		kept: KeptDisk,
		fingerprint: string,
	): Promise<void> {
		const added = workerDisk(disk, links, kept, fingerprint);
		await this.#ask(this.#choice.of(disk), { kind: "add", disk: added }, ADD_LIMIT_MS);
	}

	async change({ name, disk, exports }: DiskConfig, fingerprint: string): Promise<void> {
		await this.#ask(this.#choice.known(name), { kind: "change", disk, exports, fingerprint });
	}

	async withdraw(disk: string): Promise<void> {
		await this.#insist(this.#choice.known(disk), { kind: "withdraw", name: disk });
	}

	async remove(disk: string): Promise<Removed> {
		const worker = this.#choice.known(disk);
		const answer = await this.#insist(worker, { kind: "remove", name: disk });
		this.#choice.forget(disk);
		return answer === undefined ? "closed" : this.#believed(worker, () => endIn(answer.body));
	}

	async fence(disk: string, fenced: boolean): Promise<void> {
		await this.#ask(this.#choice.known(disk), { kind: "fence", name: disk, fenced });
	}

	look(): Promise<readonly Look[]> {
		return lookAtAll(this.#workers.map(({ looking }) => looking));
	}

	troubles(): readonly string[] {
		return this.#workers.flatMap(({ index, asking, looking }) => {
			if (asking === null) return [`worker ${index} is being started`];
			return looking.isSilent ? [`worker ${index} does not answer`] : [];
		});
	}

	#tellSilence(index: number, isSilent: boolean): void {
		const severity = isSilent ? "error" : "info";
		const message = `worker ${index} ${isSilent ? "does not answer" : "answers again"}`;
		this.#listener?.happened({ kind: "process", severity, message });
	}

	/** Undefined if it is not there now, or does not answer in time. */
	async #look(worker: Worker): Promise<Look | undefined> {
		if (worker.asking === null) return undefined;
		const { onlooker } = worker;
		try {
			const { body, bytes } = await this.#ask(worker, { kind: "look", since: onlooker.since }, LOOK_LIMIT_MS);
			const { names, worker: report, ...told } = lookIn(body);
			const reports = await allReports(told, (request) => this.#ask(worker, request, LOOK_LIMIT_MS));
			if (worker.onlooker !== onlooker) return undefined;
			const look = onlooker.take(names, numbersIn(bytes), reports, report);
			// Of others it has nothing to say, and what was removed is forgotten.
			const isIts = ({ name }: { readonly name: string }): boolean => worker.disks.has(name);
			return { ...look, figures: look.figures.filter(isIts), views: look.views.filter(isIts) };
		} catch (error) {
			if (error instanceof OperatorError) return undefined;
			if (!(error instanceof FrameError)) throw error;
			if (worker.onlooker === onlooker) this.#distrust(worker, error.message);
			return undefined;
		}
	}

	/** Throws a FrameError, which ends the channel, if it is no news. */
	#told({ allowance, disks }: Worker, words: Delivery["body"]): void {
		allowance.take();
		this.#listener?.happened(newsIn(words, disks));
	}

	/** An initiator is answered when this is. Before anybody listens nothing is kept: what is set is asked for then. */
	async #asked(worker: Worker, words: Delivery["body"]): Promise<Parcel> {
		const { disk, set } = setIn(words);
		const { disks, keeping } = worker;
		if (!disks.has(disk)) throw new OperatorError(`disk ${quote(disk)}: is not this worker's`);
		if (keeping.has(disk)) throw new FrameError("it asks for one disk twice at once");
		keeping.add(disk);
		try {
			await this.#listener?.set(disk, set);
		} finally {
			keeping.delete(disk);
		}
		return DONE;
	}

	/** What comes of its words. Throws an OperatorError if they are none: then it is heard no more. */
	async #believed<T>(worker: Worker, hear: () => T | Promise<T>): Promise<T> {
		try {
			return await hear();
		} catch (error) {
			if (!(error instanceof FrameError)) throw error;
			this.#distrust(worker, error.message);
			throw new OperatorError(`worker ${worker.index}: ${error.message}`);
		}
	}

	/** It is heard no more: another one takes its place. */
	#distrust(worker: Worker, why: string): void {
		const { index, asking } = worker;
		// It may have said more by then.
		if (asking === null) return;
		worker.asking = null;
		asking.close();
		const message = `worker ${index}: ${why}: it is heard no more, and started again`;
		this.#listener?.happened({ kind: "process", severity: "error", message });
		this.#replace(index);
	}

	/**
	 * Asks for something to be taken away until that is certain; undefined: the worker has ended, and its successor has only what it
	 * is given.
	 */
	async #insist(worker: Worker, body: WorkerRequest): Promise<Delivery | undefined> {
		const { life } = worker;
		for (let tries = 0; worker.asking !== null && worker.life === life; tries++) {
			if (tries === MOST_TRIES) this.#distrust(worker, "it does not take away what it shall");
			if (worker.asking === null) break;
			try {
				return await worker.asking.ask({ body }, ASK_LIMIT_MS);
			} catch (error) {
				if (!(error instanceof NoAnswerError)) throw asRefusal(`worker ${worker.index}`, error);
				await sleep(INSIST_PAUSE_MS);
			}
		}
		return undefined;
	}

	/** Throws an OperatorError: what the worker refuses with, or that it is not there. */
	async #ask(worker: Worker, body: WorkerRequest, limitMs = ASK_LIMIT_MS): Promise<Delivery> {
		const { index, asking } = worker;
		if (asking === null) throw new AbsentError(`worker ${index} is being started`);
		try {
			return await asking.ask({ body }, limitMs);
		} catch (error) {
			const isGone = error instanceof NoAnswerError && worker.asking !== asking;
			throw isGone
				? new AbsentError(`worker ${index}: ${error.message}`)
				: asRefusal(`worker ${index}`, error);
		}
	}
}
