/**
 * Makes what is wished for so: holds the configuration that runs, a steward for each of its disks, and takes both from one wish to the
 * next, at a reload or a change of one disk, in the same steps. All or nothing: a wish that has an error changes nothing. Wishes come
 * one after the other; what it takes to carry one out is not waited for. Made by `control.ts`; asked by the API.
 */

import { InTurn } from "../in-turn.js";
import { membersOf } from "../spec/assembly.js";
import type { Config } from "../spec/config.js";
import type { DiskConfig } from "../spec/configuration.js";
import { type Difference, differenceOf, type Step } from "../spec/difference.js";
import { counted } from "../text.js";
import type { DesiredOptions, Prospect } from "./desired-options.js";
import type { RunningJob } from "./jobs.js";
import type { LastReload } from "./model.js";
import { hasHeir, partsFirst, wholesFirst } from "./order.js";
import { endOf } from "./plan.js";
import { disksUnder } from "./prerequisites.js";
import { ReloadRecord } from "./reload-record.js";
import { hurryThoseOn, Steward } from "./steward.js";
import { messageOf, unlessBug } from "./thrown.js";
import { NO_CONFIG, orThrow, understandMost, understood, type Wish, withMended } from "./wish.js";
import { keepWish, keptWish, wishOfFiles } from "./wish-files.js";
import { fingerprintOf } from "./worker-disk.js";

export type { DesiredOptions, Prospect } from "./desired-options.js";

/** How often disks are looked after whose interface is missing. */
const RECONSIDER_MS = 10_000;

export class Desired {
	readonly #options: DesiredOptions;
	readonly #stewards = new Map<string, Steward>();
	#wish: Wish = { sources: { files: [], debian: [] }, runtime: "", overrides: {} };
	#config: Config = NO_CONFIG;
	readonly #record: ReloadRecord;
	/** A reload that has not begun to read: who wants another one meanwhile wants this. */
	#waiting: RunningJob | undefined;
	readonly #turns = new InTurn();
	#stopReconsidering: () => void = () => {};

	constructor(options: DesiredOptions) {
		this.#options = options;
		this.#record = new ReloadRecord(options.opener, options.now);
	}

	get config(): Config {
		return this.#config;
	}

	get wish(): Wish {
		return this.#wish;
	}

	get lastReload(): LastReload | null {
		return this.#record.last;
	}

	/** When a configuration was last good: milliseconds since 1970. */
	get lastGoodMs(): number {
		return this.#record.goodMs;
	}

	steward(name: string): Steward | undefined {
		return this.#stewards.get(name);
	}

	/** What waits for a pool, which may be there now, is tried again. */
	readonly hurry = (pool: string): void => hurryThoseOn(pool, this.#stewards.values());

	/** In the order of the configuration; then those that are on their way out. */
	stewards(): Steward[] {
		return [...this.#stewards.values()];
	}

	/**
	 * Takes over what workers serve already, and has the rest served. Throws an OperatorError if the configuration has errors: at the
	 * start of all processes, the one who started them is told.
	 */
	async start(): Promise<void> {
		const serving = new Map((await this.#options.workers.serving()).map((disk) => [disk.name, disk]));
		const { opener, environment } = this.#options;
		// While workers serve, what they serve goes on; else it is what the files say now.
		const kept = serving.size > 0 ? await keptWish(opener) : undefined;
		const wish = kept ?? (await wishOfFiles(opener));
		const config = orThrow(understandMost(wish, environment));
		for (const { message, isNote } of config.warnings)
			this.#options.events.add({ kind: "configuration", severity: isNote ? "info" : "warning", message });
		this.#take(wish, config);
		if (kept === undefined) this.#record.note([]);
		else await this.#record.restore();
		const known = new Set(config.disks.map(({ name }) => name));
		const gone = [...serving.keys()].filter((name) => !known.has(name));
		await Promise.all(gone.map((name) => this.#options.workers.remove(name, false)));
		const stewards = config.disks.map((disk) => this.#newSteward(disk));
		const isAsServed = ({ disk }: Steward): boolean =>
			serving.get(disk.name)?.fingerprint === fingerprintOf(disk) && this.#partsOf(disk).every(isAsServed);
		for (const steward of stewards.filter(isAsServed)) steward.adopt();
		const others = stewards.filter((steward) => !isAsServed(steward));
		const isAlone = ({ disk }: Steward) => disk.partOf === undefined && membersOf(disk).length === 0;
		for (const steward of others.filter(isAlone)) void this.#replaceServed([steward], serving);
		void this.#replaceServed(
			others.filter((steward) => !isAlone(steward)),
			serving,
		);
		await keepWish((name, bytes) => opener.keep(name, bytes), wish, kept).catch(unlessBug);
		this.#reconsiderLater();
	}

	async #replaceServed(stewards: readonly Steward[], serving: ReadonlyMap<string, unknown>): Promise<void> {
		const served = stewards.filter(({ disk }) => serving.has(disk.name));
		// One that refuses refuses to serve it, too, and that is tried again.
		await wholesFirst(served, this.#wholeOf, (steward) => steward.withdraw(true).catch(unlessBug));
		for (const steward of partsFirst(stewards)) void steward.serve();
	}

	readonly #partsOf = (whole: DiskConfig): Steward[] => this.#named(membersOf(whole));

	#named(names: readonly string[]): Steward[] {
		return names.flatMap((name) => this.#stewards.get(name) ?? []);
	}

	readonly #wholeOf = (name: string): string | undefined => this.#stewards.get(name)?.disk.partOf;

	/** Reads the files again, and makes what they say so. The job says how that goes; one with errors has changed nothing. */
	reload(): RunningJob {
		if (this.#waiting !== undefined) return this.#waiting;
		const job = this.#options.jobs.begin("reload", "reading the configuration");
		this.#waiting = job;
		void this.#turns
			.run(async () => {
				this.#waiting = undefined;
				const { opener, environment, onReload } = this.#options;
				const wish = { ...(await wishOfFiles(opener)), runtime: this.#wish.runtime };
				const config = understandMost(wish, environment);
				if (Array.isArray(config))
					return this.#refused(
						job,
						config.map(({ message }) => message),
					);
				this.#record.note([]);
				const prospect = { wish, config, difference: differenceOf(this.#config, config) };
				await this.#carryOut(prospect, job, () => onReload(config));
			})
			.catch((error: unknown) => {
				this.#refused(job, [messageOf(error)]);
			});
		return job;
	}

	#refused(job: RunningJob, errors: string[]): void {
		this.#record.note(errors);
		const message = `the configuration has ${counted(errors.length, "error")}; nothing was changed`;
		const told = `${message}: ${errors[0]}`;
		this.#options.events.add({ kind: "configuration", severity: "error", message: told });
		for (const error of errors) job.step(error);
		job.finish("failed", message);
	}

	/** What a reload would do; throws an OperatorError with all that is wrong. Nothing is changed. */
	async foresee(): Promise<Prospect> {
		const wish = { ...(await wishOfFiles(this.#options.opener)), runtime: this.#wish.runtime };
		return this.prospectOf(wish);
	}

	/** Throws an OperatorError, a line for each error. */
	prospectOf(wish: Wish): Prospect {
		const config = understood(wish, this.#options.environment);
		return { wish, config, difference: differenceOf(this.#config, config) };
	}

	/** Makes a wish that is found in its turn. Resolves when it is kept; the job when it is carried out. */
	change(find: () => Promise<Prospect>, begin: () => RunningJob): Promise<RunningJob> {
		return this.#turns.run(async () => {
			const prospect = await find();
			const job = begin();
			try {
				await this.#carryOut(prospect, job);
			} catch (error) {
				job.finish("failed", messageOf(error));
				throw error;
			}
			return job;
		});
	}

	/** Does something for which a disk has to be closed. */
	aside<T>(name: string, work: () => Promise<T>): Promise<T> {
		return this.#turns.run(() => this.#aside(name, work));
	}

	/** What it is a part of is closed before, and served after it. */
	#aside<T>(name: string, work: () => Promise<T>): Promise<T> {
		const steward = this.#stewards.get(name);
		if (steward === undefined) return work();
		const own = (): Promise<T> => steward.aside(work);
		return steward.disk.partOf === undefined ? own() : this.#aside(steward.disk.partOf, own);
	}

	/** `also` is done with it, when it is sure that it is carried out. */
	async #carryOut(
		prospect: Prospect,
		job: RunningJob,
		also?: () => Promise<readonly string[]>,
	): Promise<void> {
		const { wish, config, difference } = prospect;
		const { opener } = this.#options;
		await keepWish((name, bytes) => opener.keepOrRefuse(name, bytes), wish, this.#wish);
		this.#take(wish, config);
		for (const wrong of (await also?.()) ?? []) job.trouble(wrong);
		job.steps(difference.steps.length);
		void this.#apply(difference, job);
	}

	#take(wish: Wish, config: Config): void {
		this.#wish = wish;
		this.#config = config;
		this.#options.workers.arrange(config.disks);
		this.#record.isGood();
	}

	async #apply(difference: Difference, job: RunningJob): Promise<void> {
		const { steps } = difference;
		const failed = (of: Step) => (error: unknown) => job.step(`disk ${of.disk.name}: ${messageOf(error)}`);
		// What is taken away goes first: disks may have changed places.
		await wholesFirst(steps, this.#wholeOf, (step) => this.#takeAway(step, job).catch(failed(step)));
		await Promise.all(partsFirst(steps).map((step) => this.#give(step, job).catch(failed(step))));
		await this.#options.onCarriedOut();
		const end = endOf(difference, job.job.errors.length === 0);
		job.finish("done", end.message);
		this.#options.events.add({ kind: "configuration", ...end });
	}

	async #takeAway({ kind, disk: { name } }: Step, job: RunningJob): Promise<void> {
		const steward = this.#stewards.get(name);
		if (steward === undefined) return;
		if (kind === "replace" || kind === "reexport") return steward.withdraw(kind === "replace");
		if (kind !== "remove") return;
		const end = await steward.remove(hasHeir(steward.disk, this.#config.disks));
		const how = end === "opening" ? "is still being opened" : "hangs";
		job.step(end === "closed" ? undefined : `disk ${name}: its storage ${how}, and is left alone`);
		// It may have been added again meanwhile.
		if (this.#stewards.get(name) !== steward || steward.state !== "removing") return;
		this.#stewards.delete(name);
		this.#options.onForgotten(name);
	}

	async #give({ kind, disk }: Step, job: RunningJob): Promise<void> {
		if (kind === "remove") return;
		const steward = this.#stewards.get(disk.name) ?? this.#newSteward(disk);
		const reason = await (kind === "change" ? steward.change(disk) : steward.serve(disk));
		job.step(reason === undefined ? undefined : `disk ${disk.name}: ${reason}`);
	}

	#newSteward(disk: DiskConfig): Steward {
		const { workers, kept, events, clock, onServed } = this.#options;
		const steward = new Steward(disk, {
			...{ workers, kept, events, clock, links: () => this.#config.links },
			parts: this.#partsOf,
			poolDisks: (volume) => this.#named(disksUnder(volume, this.#config.pools)),
			onOpen: (opened) => {
				onServed(opened);
				this.#stewards.get(opened.partOf ?? "")?.hurry();
				if (opened.disk.chunkOf !== undefined) this.hurry(opened.disk.chunkOf);
			},
		});
		this.#stewards.set(disk.name, steward);
		return steward;
	}

	/** A worker has been started again: all that it had. */
	lost(worker: number): void {
		for (const steward of this.#stewards.values())
			if (this.#options.workers.workerOf(steward.disk.name) === worker) steward.lost();
	}

	#reconsiderLater(): void {
		this.#stopReconsidering = this.#options.clock.after(RECONSIDER_MS, () => {
			void this.#turns.run(async () => this.#reconsider()).finally(() => this.#reconsiderLater());
		});
	}

	/** Whether disks that were broken as this machine was are so still. */
	#reconsider(): void {
		if (!this.#config.disks.some(({ broken }) => broken !== undefined)) return;
		const config = understandMost(this.#wish, this.#options.environment);
		if (Array.isArray(config)) return;
		const disks = withMended(this.#config.disks, config.disks);
		const mended = disks.filter((disk, index) => disk !== this.#config.disks[index]);
		this.#config = { ...this.#config, disks, links: config.links };
		this.#options.workers.arrange(disks);
		for (const disk of mended) void this.#stewards.get(disk.name)?.serve(disk);
	}

	/** Nothing is tried any more. */
	stop(): void {
		this.#stopReconsidering();
		for (const steward of this.#stewards.values()) steward.stop();
	}
}
