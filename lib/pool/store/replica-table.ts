/**
 * The table of a replica (`local-table.ts`), which may fail, or not answer at all: nobody waits for it longer than a limit, and the pool goes on without it. Then what it
 * has is not believed any more, as the head of the pool says that the pool was opened once more since; what is known is in memory meanwhile, and all of it is
 * written as soon as that can be done again. Made and asked by `replica.ts`.
 */

import type { Clock } from "../../clock.js";
import { OperatorError } from "../../errors.js";
import { openOrMake } from "../folder.js";
import type { LocalFile } from "./local-file.js";
import { type LocalOwner, type LocalRow, LocalTable, TABLE_FILE_BYTES, TABLE_NAME } from "./local-table.js";
import { known, type ReplicaFound } from "./replica-known.js";
import type { ReplicaOptions } from "./replica-options.js";

/** So long something of the pool waits for the table, once for all: then it counts as one that can't be written. */
const LIMIT_MS = 2_000;
const RETRY_MS = 5_000;
/** What no pool was opened so often: what the table has is not believed. */
const NEVER = Number.MAX_SAFE_INTEGER;

export interface ReplicaTableOf {
	readonly options: ReplicaOptions;
	readonly found: ReplicaFound;
	/** Those that are open. */
	readonly files: () => Iterable<LocalFile>;
}

export class ReplicaTable {
	readonly #of: ReplicaTableOf;
	readonly #clock: Clock;
	/** Null: it could not be opened yet. */
	#table: LocalTable | null = null;
	#opening: Promise<LocalTable> | null = null;
	/** Whose what is known is; undefined: nothing is known of what the replica has. */
	owner: LocalOwner | undefined;
	/** By file, as it was when it was opened. */
	rows: ReadonlyMap<number, LocalRow> = new Map();
	trouble: string | null = null;
	/** What is stored in it is believed the next time, so what changes has to be in it before. */
	#isSound = false;
	/** What it says at most of how often the pool was opened, and what the head says in any case. */
	#most = 0;
	#marked = -1;
	#marking: Promise<void> | null = null;
	#incarnation = NEVER;
	/** Those that may have changed since they were written to it. */
	readonly #missed = new Set<LocalFile>();
	#mending: Promise<void> | null = null;
	#cancelTimer = (): void => {};
	#isClosed = false;

	constructor(of: ReplicaTableOf) {
		this.#of = of;
		this.#clock = of.options.clock;
	}

	/** What it has is known when it resolves, if it can be read. */
	async open(): Promise<void> {
		const found = this.#open().then(async (table) => {
			const { incarnation = 0 } = (await table.owner()) ?? {};
			this.#most = incarnation === NEVER ? 0 : incarnation;
			return known(table, this.#of.found);
		});
		await this.#within(
			found.then(({ owner, rows }) => {
				if (this.trouble !== null) return;
				this.owner = owner;
				this.rows = rows;
				this.#isSound = owner !== undefined;
			}),
			"read",
		);
	}

	#open(): Promise<LocalTable> {
		this.#opening ??= this.#opened().catch((error: unknown) => {
			this.#opening = null;
			throw error;
		});
		return this.#opening;
	}

	async #opened(): Promise<LocalTable> {
		const { local, allocate, name } = this.#of.options;
		const device = await openOrMake(local, await local.list(), TABLE_NAME, TABLE_FILE_BYTES);
		this.#table = new LocalTable(device, `${local.path}/${TABLE_NAME}: ${name}`, allocate);
		if (this.#isClosed) await this.#table.close();
		return this.#table;
	}

	/** False: it was not done within the limit, or has failed, and what the table has counts no more. */
	async #within(done: Promise<void>, what: string): Promise<boolean> {
		let cancel = (): void => {};
		const late = new Promise<string>((resolve) => {
			cancel = this.#clock.after(LIMIT_MS, () => resolve("does not answer"));
		});
		const failed = await Promise.race([done.then(() => null, said), late]);
		cancel();
		if (failed === null) return true;
		this.#isSound = false;
		this.#isTroubled(`its table can't be ${what}: ${failed}`);
		return false;
	}

	#isTroubled(trouble: string | null): void {
		if (trouble !== null && !this.#isClosed) this.#retry();
		if (trouble === this.trouble) return;
		this.trouble = trouble;
		this.#of.options.tell?.(trouble);
	}

	/** What is so by now of a file is stable; false: what the table has is not to be believed. */
	async save(file: LocalFile): Promise<boolean> {
		while (this.#isSound && this.#table !== null)
			if (await this.#within(this.#table.save(file.number, file.row), "written")) return true;
		this.#missed.add(file);
		return false;
	}

	/** The same, before what the row says of the file becomes so. Throws an OperatorError if the pool's head can't be written. */
	async intend(file: LocalFile): Promise<void> {
		if (await this.save(file)) return;
		while (this.#marked <= this.#most && !this.#isSound) {
			this.#marking ??= this.#mark();
			await this.#marking;
			// (One that was never opened has no table that anybody believes.)
			if (this.#marked === 0) return;
		}
	}

	async #mark(): Promise<void> {
		try {
			this.#marked = await this.#of.found.again(this.#most);
		} finally {
			this.#marking = null;
		}
	}

	/** The pool has been opened so often. */
	async opened(incarnation: number): Promise<void> {
		if (this.#incarnation === incarnation) return;
		this.#incarnation = incarnation;
		if (this.#isSound && this.owner !== undefined) await this.#within(this.#head(), "written");
	}

	async #head(): Promise<void> {
		if (this.owner === undefined || this.#table === null) return;
		const { pool, life } = this.owner;
		const incarnation = this.#incarnation;
		this.#most = Math.max(this.#most, incarnation);
		await this.#table.begin({ pool, life, incarnation, hostSince: this.#of.found.hostSince });
	}

	/** What is known is somebody else's from now on. True: all of it is in the table; false: it will be. */
	async begin(owner: LocalOwner): Promise<boolean> {
		this.owner = owner;
		this.#isSound = false;
		return (await this.#within(this.#mend(), "written")) && this.#isSound;
	}

	#retry(): void {
		this.#cancelTimer();
		this.#cancelTimer = this.#clock.after(RETRY_MS, () => {
			void this.#mend().catch((error: unknown) => {
				this.#isTroubled(`its table can't be written: ${said(error)}`);
			});
		});
	}

	/** Throws an OperatorError. */
	#mend(): Promise<void> {
		this.#mending ??= this.#writeAll().finally(() => {
			this.#mending = null;
		});
		return this.#mending;
	}

	/** What is written meanwhile is written again: nothing of it is believed before all is there. */
	async #writeAll(): Promise<void> {
		const table = await this.#open();
		for (let begun: LocalOwner | undefined; !this.#isSound && !this.#isClosed; ) {
			const { owner } = this;
			if (owner === undefined) return;
			if (begun !== owner) {
				await table.begin({ ...owner, incarnation: NEVER });
				for (const file of this.#of.files()) this.#missed.add(file);
				begun = owner;
			}
			const files = [...this.#missed];
			this.#missed.clear();
			await Promise.all(files.map((file) => table.save(file.number, file.row)));
			this.#isSound = this.#missed.size === 0 && this.owner === begun;
		}
		if (!this.#isSound) return;
		try {
			await this.#head();
			// (It may have taken so long that it was given up meanwhile.)
			if (this.#isSound) this.#isTroubled(null);
			else this.#retry();
		} catch (error) {
			this.#isSound = false;
			throw error;
		}
	}

	async close(): Promise<void> {
		this.#isClosed = true;
		this.#cancelTimer();
		await this.#within(this.#table?.close() ?? Promise.resolve(), "closed");
	}
}

/** Throws what is no OperatorError. */
function said(error: unknown): string {
	if (!(error instanceof OperatorError)) throw error;
	return error.message;
}
