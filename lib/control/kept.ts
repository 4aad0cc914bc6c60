/**
 * What has to survive every restart and is in no configuration: who a disk is, what initiators have set on it, whether it is fenced.
 * An identity is made by chance when a name is first seen, and stays with the name, so that a disk that moves is the same to its
 * initiators, and two machines that use one name never have the same. Used by `steward.ts`; written by the opener.
 */

import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import type { Keeper, KeptDisk } from "./seams.js";

const FILE = "disks.json";
const VERSION = 1;
/** After which what could not be kept is tried again. */
const RETRY_MS = 10_000;
/** NAA 3: a name of 60 bits that is locally assigned. */
const NAA_LOCAL = "3";
const SERIAL = /^[!-~]{1,20}$/;
const WWN = /^[0-9a-f]{16}$/;

interface KeptFile {
	readonly version: number;
	readonly disks: Readonly<Record<string, KeptDisk>>;
}

export class Kept {
	readonly #keeper: Keeper;
	readonly #disks: Map<string, KeptDisk>;
	#writing: Promise<void> | null = null;
	#next: Promise<void> | null = null;
	readonly #clock: Clock;
	#pausing: Promise<void> | null = null;
	#endPause = (): void => {};

	private constructor(keeper: Keeper, disks: Map<string, KeptDisk>, clock: Clock) {
		this.#keeper = keeper;
		this.#disks = disks;
		this.#clock = clock;
	}

	/** Throws an OperatorError if what is there can't be read: a disk that was given another identity would be another disk. */
	static async read(keeper: Keeper, clock: Clock = systemClock): Promise<Kept> {
		const bytes = await keeper.kept(FILE);
		if (bytes === undefined) return new Kept(keeper, new Map(), clock);
		const wrong = new OperatorError(
			`${FILE} of the state can't be read: put the last copy of it in its place; without it, initiators would see other disks`,
		);
		let file: KeptFile;
		try {
			file = JSON.parse(new TextDecoder().decode(bytes)) as KeptFile;
			if (file.version === VERSION && Object.values(file.disks).every(isIdentified))
				return new Kept(keeper, new Map(Object.entries(file.disks)), clock);
		} catch {
			throw wrong;
		}
		if (file.version <= VERSION) throw wrong;
		throw new OperatorError(
			`${FILE} of the state is of a newer vblade (version ${file.version} of the file)`,
		);
	}

	find(name: string): KeptDisk | undefined {
		return this.#disks.get(name);
	}

	/** What is kept of this disk; what has just been made is on stable storage first. */
	async of(name: string): Promise<KeptDisk> {
		const kept = this.#disks.get(name);
		if (kept !== undefined) {
			// It may be on its way.
			await this.#next;
			await this.#writing;
			return kept;
		}
		await this.update(name, {});
		return this.of(name);
	}

	/** Resolves when it is on stable storage. */
	update(name: string, change: Partial<KeptDisk>): Promise<void> {
		this.#disks.set(name, { ...(this.#disks.get(name) ?? newIdentity()), ...change });
		return this.#write();
	}

	/** As `update`, but what can't be kept now is tried again and again: resolves when it is. */
	async note(name: string, change: Partial<KeptDisk>): Promise<void> {
		for (let kept = this.update(name, change); ; kept = this.#write())
			try {
				return await kept;
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
				await this.#pause();
			}
	}

	/** One for all that wait. */
	#pause(): Promise<void> {
		this.#pausing ??= new Promise((resolve) => {
			this.#endPause = this.#clock.after(RETRY_MS, () => {
				this.#pausing = null;
				resolve();
			});
		});
		return this.#pausing;
	}

	/** Nothing is tried any more. */
	stop(): void {
		this.#endPause();
	}

	/** One writing at a time; whoever comes meanwhile shares the next. */
	#write(): Promise<void> {
		if (this.#writing === null) {
			this.#writing = this.#keep().finally(() => {
				this.#writing = null;
			});
			return this.#writing;
		}
		this.#next ??= this.#writing
			.catch(() => {})
			.then(() => {
				this.#next = null;
				return this.#write();
			});
		return this.#next;
	}

	async #keep(): Promise<void> {
		// Those that are asked for in one turn are written at once.
		await Promise.resolve();
		const file: KeptFile = { version: VERSION, disks: Object.fromEntries(this.#disks) };
		await this.#keeper.keep(FILE, new TextEncoder().encode(`${JSON.stringify(file)}\n`));
	}
}

function isIdentified({ serial, wwn }: KeptDisk): boolean {
	return SERIAL.test(serial) && WWN.test(wwn);
}

function newIdentity(): KeptDisk {
	return {
		serial: randomBytes(10).toString("hex"),
		wwn: `${NAA_LOCAL}${randomBytes(8).toString("hex").slice(1)}`,
	};
}
