/**
 * The workers, as control asks them: what `seams.ts` wants of them, over a channel to each, which is new whenever one of both ends was
 * started again. Made by `process.ts`.
 */

import { setTimeout as sleep } from "node:timers/promises";
import { Asking, type Delivery, type Parcel } from "../channel/asking.js";
import { FrameError } from "../channel/frames.js";
import { type Clock, systemClock } from "../clock.js";
import type { Compared } from "../daemon/mirrors.js";
import type { PoolAct, Serving, WorkerRequest } from "../daemon/worker-messages.js";
import { OperatorError } from "../errors.js";
import type { PoolLook } from "../pool/looks.js";
import type { DiskConfig } from "../spec/configuration.js";
import type { LinkSpec } from "../spec/spec.js";
import { quote } from "../text.js";
import { ADD_LIMIT_MS, askWorker, insist } from "./ask-worker.js";
import { endIn, lookIn, newsIn, numbersIn, poolIn, reportIn, setIn } from "./heard.js";
import { comparedIn } from "./heard-mirror.js";
import { volumeIn } from "./heard-volume.js";
import { viewOf } from "./look-parts.js";
import { lookAtAll } from "./looking.js";
import { Onlooker } from "./onlooker.js";
import type { Comparing, KeptDisk, Look, Removed, ServedDisk, Workers, WorkersListener } from "./seams.js";
import { ToldViews } from "./told-views.js";
import { newTreeWorker, type TreeWorker } from "./tree-worker.js";
import { allReports, allServed, wholeAct } from "./whole-answers.js";
import { Choice } from "./worker-choice.js";
import { expectation, workerDisk } from "./worker-disk.js";

const LOOK_LIMIT_MS = 5000;
const START_LIMIT_MS = 5000;
const START_POLL_MS = 5;

export class TreeWorkers implements Workers {
	readonly #workers: readonly TreeWorker[];
	readonly #choice: Choice<TreeWorker>;
	#listener: WorkersListener | null = null;
	readonly #replace: (index: number) => void;

	/** `replace` has a worker started again whose words are none. */
	constructor(count: number, replace: (index: number) => void, clock: Clock = systemClock) {
		this.#replace = replace;
		const now = (): number => clock.now();
		const parts = { look: this.#look.bind(this), tellSilence: this.#tellSilence.bind(this) };
		this.#workers = Array.from({ length: count }, (_, index) => newTreeWorker(index, now, parts));
		this.#choice = new Choice(this.#workers);
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
		worker.told = new ToldViews();
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
	async #servedBy(worker: TreeWorker): Promise<readonly Serving[]> {
		if (worker.asking === null) return [];
		const { life } = worker;
		try {
			return await allServed((request) => askWorker(worker, request));
		} catch (error) {
			if (!(error instanceof OperatorError || error instanceof FrameError)) throw error;
			if (worker.asking !== null && worker.life === life) this.#distrust(worker, error.message);
			return [];
		}
	}

	arrange(disks: readonly DiskConfig[]): void {
		this.#choice.arrange(disks);
	}

	workerOf(disk: string): number {
		return this.#choice.known(disk).index;
	}

	async add(
		disk: DiskConfig,
		links: readonly LinkSpec[],
		kept: KeptDisk,
		fingerprint: string,
	): Promise<void> {
		const added = workerDisk(disk, links, kept, fingerprint);
		const worker = this.#choice.of(disk);
		// It may be open still, where its exports were: it has others now.
		if (this.#choice.isElsewhere(disk.name, worker)) await this.remove(disk.name, true);
		this.#choice.give(disk.name, worker);
		await this.#changed(worker, disk.name, { kind: "add", disk: added }, ADD_LIMIT_MS);
	}

	async expect(disk: DiskConfig, why: string): Promise<void> {
		const request = expectation(disk, why);
		if (request !== undefined) await askWorker(this.#choice.of(disk), request);
	}

	async change({ name, disk, exports }: DiskConfig, fingerprint: string): Promise<void> {
		await this.#changed(this.#choice.known(name), name, { kind: "change", disk, exports, fingerprint });
	}

	async withdraw(disk: string): Promise<void> {
		const worker = this.#choice.known(disk);
		const answer = await this.#insist(worker, { kind: "withdraw", name: disk });
		if (answer !== undefined) await this.#believed(worker, () => this.#view(worker, disk, answer));
	}

	async remove(disk: string, comesAgain: boolean): Promise<Removed> {
		const worker = this.#choice.known(disk);
		const answer = await this.#insist(worker, { kind: "remove", name: disk, comesAgain });
		this.#choice.forget(disk);
		return answer === undefined ? "closed" : this.#believed(worker, () => endIn(answer.body));
	}

	async fence(disk: string, fenced: boolean): Promise<void> {
		await this.#changed(this.#choice.known(disk), disk, { kind: "fence", name: disk, fenced });
	}

	async compare(comparing: Comparing): Promise<Compared> {
		const worker = this.#choice.known(comparing.name);
		// A slice takes as long as the rate that is set says, and what is written there.
		const { body } = await askWorker(worker, { kind: "verify", ...comparing }, Infinity);
		return this.#believed(worker, () => comparedIn(body));
	}

	async resync(disk: string, part: string): Promise<void> {
		await askWorker(this.#choice.known(disk), { kind: "resync", name: disk, part });
	}

	pool: Workers["pool"] = async (folder, act) => {
		const worker = this.#choice.ofPool(folder);
		const asked = async (part: PoolAct): Promise<PoolLook> => {
			const { body } = await askWorker(worker, { kind: "pool", pool: folder, act: part });
			return this.#believed(worker, () => poolIn(body));
		};
		return wholeAct(asked, act);
	};

	volume: Workers["volume"] = async (folder, question, bytes) => {
		const worker = this.#choice.ofPool(folder);
		const answer = await askWorker(worker, { kind: "volume", pool: folder, question }, undefined, bytes);
		return this.#believed(worker, () => volumeIn(question, answer));
	};

	forget(disk: string): void {
		for (const { onlooker } of this.#workers) onlooker.forget(disk);
	}

	async look(): Promise<readonly Look[]> {
		const looks = await lookAtAll(this.#workers.map(({ looking }) => looking));
		return looks.map((look) => ({ ...look, views: this.#workers[look.worker]!.told.current(look.views) }));
	}

	answers(): readonly boolean[] {
		return this.#workers.map(({ asking, looking }) => asking !== null && !looking.isSilent);
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
	async #look(worker: TreeWorker): Promise<Look | undefined> {
		if (worker.asking === null) return undefined;
		const { onlooker } = worker;
		worker.told.looks();
		try {
			const { body, bytes } = await askWorker(worker, { kind: "look", since: onlooker.since }, LOOK_LIMIT_MS);
			const { names, worker: report, ...told } = lookIn(body);
			const reports = await allReports(told, (request) => askWorker(worker, request, LOOK_LIMIT_MS));
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
	#told(worker: TreeWorker, words: Delivery["body"]): void {
		worker.allowance.take();
		const isOwnPool = (path: string): boolean => this.#choice.hasPool(path, worker);
		this.#listener?.happened(newsIn(words, worker.disks, isOwnPool));
	}

	/** An initiator is answered when this is. Before anybody listens nothing is kept: what is set is asked for then. */
	async #asked(worker: TreeWorker, words: Delivery["body"]): Promise<Parcel> {
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
		return { body: {} };
	}

	/** What comes of its words. Throws an OperatorError if they are none: then it is heard no more. */
	async #believed<T>(worker: TreeWorker, hear: () => T | Promise<T>): Promise<T> {
		try {
			return await hear();
		} catch (error) {
			if (!(error instanceof FrameError)) throw error;
			this.#distrust(worker, error.message);
			throw new OperatorError(`worker ${worker.index}: ${error.message}`);
		}
	}

	/** It is heard no more: another one takes its place. */
	#distrust(worker: TreeWorker, why: string): void {
		const { index, asking } = worker;
		// It may have said more by then.
		if (asking === null) return;
		worker.asking = null;
		asking.close();
		const message = `worker ${index}: ${why}: it is heard no more, and started again`;
		this.#listener?.happened({ kind: "process", severity: "error", message });
		this.#replace(index);
	}

	#insist(worker: TreeWorker, body: WorkerRequest): Promise<Delivery | undefined> {
		return insist(worker, body, (why) => this.#distrust(worker, why));
	}

	/** Asks for a change of a disk, whose answer says how the disk stands then. */
	async #changed(worker: TreeWorker, disk: string, body: WorkerRequest, limitMs?: number): Promise<void> {
		const answer = await askWorker(worker, body, limitMs);
		await this.#believed(worker, () => this.#view(worker, disk, answer));
	}

	/** Throws a FrameError if the answer is none. */
	#view({ told }: TreeWorker, disk: string, { body }: Delivery): void {
		const report = reportIn(body, disk);
		if (report === undefined) return;
		told.answered(disk);
		this.#listener?.seen(viewOf(report));
	}
}
