/**
 * Looks after one disk: has it added, again and again while that fails, has it changed, fenced and removed, and knows what state it is
 * in and why. One that is broken costs the others nothing. Made by `desired.ts` for each disk that is configured; whatever it
 * has to do with the data path it asks of the workers.
 */

import type { Clock } from "../clock.js";
import { OperatorError } from "../errors.js";
import { isWaiting } from "../pool/store/words.js";
import type { DiskConfig } from "../spec/configuration.js";
import type { LinkSpec } from "../spec/spec.js";
import { DiskNews } from "./disk-news.js";
import type { EventLog } from "./event-log.js";
import type { Kept } from "./kept.js";
import type { DiskState } from "./model.js";
import { awaitParts, awaitPoolDisks, type Needed, whyNot } from "./prerequisites.js";
import { AbsentError } from "./refused.js";
import type { Removed, Workers } from "./seams.js";
import { messageOf, unlessBug } from "./thrown.js";
import { fingerprintOf } from "./worker-disk.js";

const FIRST_RETRY_MS = 1000;
const LAST_RETRY_MS = 60_000;

export interface StewardOptions {
	readonly workers: Workers;
	readonly kept: Kept;
	readonly events: EventLog;
	readonly clock: Clock;
	/** How each link works, as things are. */
	readonly links: () => readonly LinkSpec[];
	/** Of the disks that a disk is made of. */
	readonly parts?: (disk: DiskConfig) => readonly Needed[];
	/** Of the disks that the pool is on which a disk is a volume of. */
	readonly poolDisks?: (disk: DiskConfig) => readonly Needed[];
	/** It is open now, for whoever waits for it. */
	readonly onOpen?: (disk: DiskConfig) => void;
}

/** What waits for a pool, which may be there now. */
export function hurryThoseOn(pool: string, stewards: Iterable<Steward>): void {
	for (const steward of stewards) {
		const { storage } = steward.disk.disk;
		if (storage.kind === "volume" && storage.pool === pool) steward.hurry();
	}
}

export class Steward implements Needed {
	readonly #options: StewardOptions;
	#disk: DiskConfig;
	#state: DiskState = "opening";
	#reason: string | null = null;
	#retryAtMs: number | null = null;
	#cancelRetry: () => void = () => {};
	/** Each undertaking has a number; one that finds another has been overtaken. */
	#undertaking = 0;
	#retryMs = FIRST_RETRY_MS;
	readonly #news: DiskNews;
	#lastTry: Promise<unknown> = Promise.resolve();
	readonly firstTry: Promise<void>;
	#wasTried: () => void = () => {};
	/** What was missing came while it was tried: that may have been too late. */
	#isHurried = false;

	constructor(disk: DiskConfig, options: StewardOptions) {
		this.#disk = disk;
		this.#options = options;
		this.#news = new DiskNews(disk, options);
		this.firstTry = new Promise((resolve) => {
			this.#wasTried = resolve;
		});
	}

	get disk(): DiskConfig {
		return this.#disk;
	}

	get state(): DiskState {
		return this.#state === "open" && this.isFenced ? "fenced" : this.#state;
	}

	get reason(): string | null {
		return this.#reason;
	}

	get lastTry(): Promise<unknown> {
		return this.#lastTry;
	}

	/** By the clock of the options. */
	get retryAtMs(): number | null {
		return this.#retryAtMs;
	}

	get isFenced(): boolean {
		return this.#options.kept.find(this.#disk.name)?.fenced === true;
	}

	/** A worker has it already, as it shall be. */
	adopt(): void {
		this.#undertaking++;
		this.#wasTried();
		this.#enter("open");
	}

	/** Has it served. Resolves after the first try: undefined, or why that has failed. It is tried again and again then. */
	async serve(disk: DiskConfig = this.#disk): Promise<string | undefined> {
		if (disk !== this.#disk) this.#news.isAnother(disk);
		this.#disk = disk;
		this.#retryMs = FIRST_RETRY_MS;
		this.#enter("opening");
		return this.#tryOnce(this.#begin());
	}

	#tryOnce(undertaking: number): Promise<string | undefined> {
		this.#isHurried = false;
		const tried = this.#try(undertaking).finally(this.#wasTried);
		this.#lastTry = tried;
		return tried;
	}

	/** What was missing may be there now: if it has failed, or fails now, it is tried again at once. */
	hurry(): void {
		if (this.#state === "failed" || this.#state === "waiting") void this.serve();
		else this.#isHurried = true;
	}

	/** What can be changed while it is served. Resolves to why that has failed. */
	async change(disk: DiskConfig): Promise<string | undefined> {
		this.#disk = disk;
		// It is not there: as it is tried again, it will be as it shall be.
		if (this.#state !== "open") return undefined;
		try {
			await this.#options.workers.change(disk, fingerprintOf(disk));
			this.#news.tell("disk-changed", "info", "changed while it is served");
			return undefined;
		} catch (error) {
			const reason = messageOf(error);
			this.#news.tell("disk-changed", "error", `could not be changed: ${reason}`);
			return reason;
		}
	}

	/** Takes it away from its initiators, for what it shall be: `serve` is called next. It is closed, or open without exports. */
	async withdraw(closes: boolean): Promise<void> {
		if (closes || this.#state !== "open") await this.#take("draining", true);
		else {
			this.#begin();
			this.#enter("draining");
			await this.#options.workers.withdraw(this.#disk.name);
		}
	}

	/** Closes it for as long as `work` takes; it is served again, whatever comes of that. */
	async aside<T>(work: () => Promise<T>): Promise<T> {
		await this.withdraw(true);
		try {
			return await work();
		} finally {
			if (this.#state !== "removing") void this.serve();
		}
	}

	/** `hasHeir`: another disk comes where it was. */
	async remove(hasHeir: boolean): Promise<Removed> {
		const end = await this.#take("removing", hasHeir);
		const how =
			end === "opening"
				? "is still being opened, and is closed when that has come to an end"
				: "hangs, and what it holds is given back if it goes on";
		if (end === "closed") this.#news.tell("disk-removed", "info", "removed");
		else this.#news.tell("disk-removed", "warning", `removed: its storage ${how}`);
		return end;
	}

	/** Nobody is answered, or all are again. It stays so over every restart. */
	async fence(fenced: boolean): Promise<void> {
		const { workers } = this.#options;
		const { name } = this.#disk;
		// What is fenced stays so whatever ends now; what is not, only when it is said so.
		const isKept = await this.#keepFence(fenced);
		if (this.#state === "open") await workers.fence(name, fenced);
		if (!fenced) this.#news.tell("disk-unfenced", "info", "unfenced");
		else if (isKept) this.#news.tell("disk-fenced", "info", "fenced: nobody is answered");
		else
			this.#news.tell(
				"disk-fenced",
				"warning",
				"fenced: nobody is answered; that is not kept yet, and would be lost in a restart",
			);
	}

	/** False if it is to be, as soon as that can be. Throws an OperatorError if it can't, and nothing is to be done. */
	async #keepFence(fenced: boolean): Promise<boolean> {
		const { kept } = this.#options;
		const { name } = this.#disk;
		try {
			await kept.update(name, { fenced });
			return true;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			if (!fenced) {
				kept.putBack(name, { fenced: true });
				throw error;
			}
			// Who wants initiators cut off wants it whatever has become of the state.
			void kept.note(name, { fenced });
			return false;
		}
	}

	/** The worker that had it has been started again. */
	lost(): void {
		if (this.#state === "removing" || this.#state === "draining") return;
		void this.serve();
	}

	/** Nothing is tried any more. */
	stop(): void {
		this.#begin();
		this.#news.forget();
	}

	#begin(): number {
		this.#cancelRetry();
		this.#cancelRetry = () => {};
		this.#retryAtMs = null;
		return ++this.#undertaking;
	}

	async #take(state: DiskState, comesAgain: boolean): Promise<Removed> {
		const undertaking = this.#begin();
		this.#wasTried();
		this.#news.forget();
		this.#enter(state);
		const end = await this.#options.workers.remove(this.#disk.name, comesAgain);
		if (end === "abandoned" && undertaking === this.#undertaking) this.#enter("abandoned");
		return end;
	}

	async #try(undertaking: number): Promise<string | undefined> {
		const { workers, kept, links } = this.#options;
		const disk = this.#disk;
		const parts = this.#options.parts?.(disk) ?? [];
		const poolDisks = this.#options.poolDisks?.(disk) ?? [];
		try {
			if (disk.broken !== undefined) throw new OperatorError(disk.broken);
			if (parts.length + poolDisks.length > 0) this.#expect("what it is made of is being opened");
			await awaitParts(disk, parts);
			await awaitPoolDisks(poolDisks, this.#options.clock);
			if (undertaking !== this.#undertaking) return undefined;
			this.#isHurried = false;
			await workers.add(disk, links(), await kept.of(disk.name), fingerprintOf(disk));
			if (undertaking !== this.#undertaking) return undefined;
			this.#retryMs = FIRST_RETRY_MS;
			this.#enter("open");
			this.#news.served(disk);
			this.#options.onOpen?.(disk);
			return undefined;
		} catch (error) {
			if (undertaking !== this.#undertaking) return undefined;
			if (this.#isHurried) return this.#tryOnce(undertaking);
			return this.#failed(
				whyNot(disk, messageOf(error), poolDisks),
				error instanceof AbsentError,
				undertaking,
			);
		}
	}

	/** `isAbsent`: for want of a worker, whose ways of not being there are one reason. */
	#failed(reason: string, isAbsent: boolean, undertaking: number): string {
		const { clock } = this.#options;
		this.#expect(reason);
		const waits = isWaiting(reason);
		if (!waits) this.#news.failed(reason, isAbsent);
		this.#enter(waits ? "waiting" : "failed", reason);
		this.#retryAtMs = clock.now() + this.#retryMs;
		this.#cancelRetry = clock.after(this.#retryMs, () => void this.#tryOnce(undertaking));
		this.#retryMs = Math.min(2 * this.#retryMs, lastRetryMs(this.#disk));
		return reason;
	}

	/** For its clients: the worker that is to have it may not have been asked for it, and they would hear that there is none. */
	#expect(why: string): void {
		this.#options.workers.expect(this.#disk, why).catch(unlessBug);
	}

	#enter(state: DiskState, reason: string | null = null): void {
		this.#retryAtMs = null;
		this.#state = state;
		this.#reason = reason;
	}
}

/** A server that is not there at the start is looked for as often as one that was lost. */
function lastRetryMs({ disk: { storage } }: DiskConfig): number {
	return storage.kind === "remote" ? Math.min(storage.intervalMs, LAST_RETRY_MS) : LAST_RETRY_MS;
}
