/**
 * What has to survive every restart and is in no configuration: who a disk is, what initiators have set on it, whether it is fenced.
 * An identity is made by chance when a name is first seen, and stays with the name, so that a disk that moves is the same to its
 * initiators, and two machines that use one name never have the same. Where that is damaged, the copy of before counts, and what
 * workers know that serve; who a disk was that neither knows is lost, and told. Used by `steward.ts`; written by the opener.
 */

import { randomBytes } from "node:crypto";
import { type Clock, systemClock } from "../clock.js";
import { DamagedError, OperatorError } from "../errors.js";
import { type DamageTeller, putAside, readKept } from "./damage.js";
import type { DiskIdentity, KeptDisk } from "./seams.js";

const FILE = "disks.json";
/** As it was before it was last written. */
const COPY = "disks.json.before";
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
	/** What was lost when a file before this was damaged, until people have taken note of it. */
	readonly damage?: string;
}

export class Kept {
	readonly #keeper: DamageTeller;
	readonly #disks: Map<string, KeptDisk>;
	/** Disks that are new, until it is on stable storage who they are. */
	readonly #unkept = new Set<string>();
	#writing: Promise<void> | null = null;
	#next: Promise<void> | null = null;
	readonly #clock: Clock;
	#pausing: Promise<void> | null = null;
	#endPause = (): void => {};
	/** What is written of damage; undefined: nothing. */
	#damage: string | undefined;

	private constructor(keeper: DamageTeller, { disks, damage }: KeptFile, clock: Clock) {
		this.#keeper = keeper;
		this.#disks = new Map(Object.entries(disks));
		this.#damage = damage;
		this.#clock = clock;
	}

	/** Throws an OperatorError if what is there can't be had at present, or is of a later version. */
	static async read(keeper: DamageTeller, clock: Clock = systemClock): Promise<Kept> {
		try {
			const file = (await readKept(keeper, FILE, understood)) ?? (await untold(keeper));
			if (file.damage !== undefined) keeper.damaged(file.damage);
			return new Kept(keeper, file, clock);
		} catch (error) {
			if (!(error instanceof DamagedError)) throw error;
			const damage = `who disks are was damaged (${error.message}): ${await putAside(keeper, FILE)}; `;
			const kept = new Kept(keeper, await copyOrNothing(keeper, damage), clock);
			keeper.damaged(kept.#damage ?? damage);
			await kept.#write().catch(unlessBug);
			return kept;
		}
	}

	/** People have taken note of what was damaged. */
	async acknowledge(): Promise<void> {
		if (this.#damage === undefined) return;
		this.#damage = undefined;
		await this.#write().catch(unlessBug);
	}

	/** A worker serves it as this one: whatever was damaged, that is who it is. */
	recognize(name: string, { serial, wwn }: DiskIdentity): void {
		if (this.#disks.has(name) || !isIdentified({ serial, wwn })) return;
		this.update(name, { serial, wwn }).catch(unlessBug);
	}

	find(name: string): KeptDisk | undefined {
		return this.#disks.get(name);
	}

	/** What is kept of this disk; who it is has been on stable storage first. */
	async of(name: string): Promise<KeptDisk> {
		const kept = this.#disks.get(name);
		if (kept !== undefined && !this.#unkept.has(name)) return kept;
		await (kept === undefined ? this.update(name, {}) : this.#write());
		return this.of(name);
	}

	/** Resolves when it is on stable storage. */
	update(name: string, change: Partial<KeptDisk>): Promise<void> {
		const before = this.#disks.get(name);
		if (before === undefined) this.#unkept.add(name);
		this.#disks.set(name, { ...(before ?? this.#newIdentity(name, change)), ...change });
		return this.#write();
	}

	/** What was not to be changed after all, as it could not be kept. */
	putBack(name: string, change: Partial<KeptDisk>): void {
		const kept = this.#disks.get(name);
		if (kept !== undefined) this.#disks.set(name, { ...kept, ...change });
	}

	#newIdentity(name: string, { serial }: Partial<KeptDisk>): DiskIdentity {
		if (this.#damage !== undefined && serial === undefined)
			this.#keeper.damaged(
				`disk ${name}: who it was is not known any more; it has a new serial number and name`,
			);
		return newIdentity();
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
		const unkept = [...this.#unkept];
		const damage = this.#damage === undefined ? {} : { damage: this.#damage };
		const file: KeptFile = { version: VERSION, disks: Object.fromEntries(this.#disks), ...damage };
		await this.#keeper.keep(FILE, new TextEncoder().encode(`${JSON.stringify(file)}\n`));
		for (const name of unkept) this.#unkept.delete(name);
	}
}

const NOTHING: KeptFile = { version: VERSION, disks: {} };

/** Throws whatever there is to throw if it makes no sense, an OperatorError if it is of a later version. */
function understood(text: string): KeptFile {
	const file = JSON.parse(text) as KeptFile;
	if (file.version > VERSION)
		throw new OperatorError(
			`${FILE} of the state is of a newer vblade (version ${file.version} of the file)`,
		);
	if (file.version !== VERSION || !Object.values(file.disks).every(isIdentified))
		throw new DamagedError(`${FILE}: is not what was kept`);
	return file;
}

/** It is not there. Nor is a copy, unless it was taken away between two lines of this program. */
async function untold(keeper: DamageTeller): Promise<KeptFile> {
	if ((await keeper.kept(COPY)) === undefined) return NOTHING;
	throw new DamagedError(`${FILE}: is not there any more`);
}

/** What the copy has, or nothing; and what that means. */
async function copyOrNothing(keeper: DamageTeller, damage: string): Promise<KeptFile> {
	try {
		const copy = await readKept(keeper, COPY, understood);
		if (copy !== undefined)
			return { ...copy, damage: `${damage}its copy counts, without what was last changed` };
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
	}
	return {
		...NOTHING,
		damage: `${damage}there is no copy either: a disk that no worker serves becomes another one`,
	};
}

function isIdentified({ serial, wwn }: DiskIdentity): boolean {
	return SERIAL.test(serial) && WWN.test(wwn);
}

function newIdentity(): DiskIdentity {
	return {
		serial: randomBytes(10).toString("hex"),
		wwn: `${NAA_LOCAL}${randomBytes(8).toString("hex").slice(1)}`,
	};
}

/** What can't be kept is told by whoever keeps it. */
function unlessBug(error: unknown): void {
	if (!(error instanceof OperatorError)) throw error;
}
