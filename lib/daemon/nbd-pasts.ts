/**
 * What volumes were, for clients of NBD that ask for it: `web@monday`, `fast/web@-10m`. Opened when the first asks for it, fixed then, closed
 * with the last that has it; whoever may read the volume may read its past. Used by `nbd-exporter.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import { Disk } from "../disk.js";
import { OperatorError } from "../errors.js";
import type { Access, Client, Earlier, NbdExport, Opened, Refusal } from "../nbd/export.js";
import { OptionReply } from "../nbd/protocol.js";
import type { OpenPast, PoolHome } from "../pool/openings.js";
import type { DiskSpec } from "../spec/spec.js";
import { counted } from "../text.js";
import type { Disks } from "./disks.js";

/** Open at once, of all disks. */
export const PASTS_MAX = 64;
/** Connections of one client ask one after the other, and are to see the same: so long `-10m` stays what it was for the first. */
const SAME_MS = 60_000;

export interface PastOptions {
	readonly home: PoolHome;
	/** By default this process opens the files itself. */
	readonly open?: OpenPast | undefined;
	readonly disks: Pick<Disks, "find">;
	readonly clock?: Clock;
}

/** The export of a volume as it is now. */
export interface PastOwner extends NbdExport {
	/** The disk's name, as the operator has given it. */
	readonly of: string;
}

/** A volume as it was, as it is served. */
export class Past implements NbdExport {
	readonly description: string;

	constructor(
		/** As `fast/web@monday`, or with the moment in full. */
		readonly name: string,
		readonly owner: PastOwner,
		readonly disk: Disk,
		readonly earlier: Earlier,
	) {
		this.description = owner.description;
	}

	get of(): string {
		return this.owner.of;
	}

	accessOf(client: Client): Access {
		return this.owner.accessOf(client) === "none" ? "none" : "read";
	}
}

interface Opening {
	readonly owner: PastOwner;
	/** What stands behind the `@`, as it was asked for. */
	readonly asked: string;
	readonly sinceMs: number;
	readonly whenOpen: Promise<Past>;
	past: Past | undefined;
	/** Directory and name: of what is read. */
	key: string;
	users: number;
}

type VolumeSpec = DiskSpec & { readonly storage: Extract<DiskSpec["storage"], { kind: "volume" }> };

export class NbdPasts {
	readonly #options: PastOptions;
	readonly #clock: Clock;
	readonly #openings = new Set<Opening>();
	/** Those that nobody has any more. */
	readonly #closing = new Set<Promise<unknown>>();

	constructor(options: PastOptions) {
		this.#options = options;
		this.#clock = options.clock ?? systemClock;
	}

	/** `named`: which export is served by that name. Undefined: the name is that of no past. Rejects by a defect alone. */
	open(
		name: string,
		client: Client,
		named: (name: string) => PastOwner | undefined,
	): NbdExport | Promise<Opened | Refusal> | undefined {
		const at = name.lastIndexOf("@");
		const owner = at < 0 ? undefined : named(name.slice(0, at));
		const spec = owner && this.volumeOf(owner);
		if (owner === undefined || spec === undefined) return undefined;
		// (Who may not have the one has none of the others, and is told why.)
		if (owner.accessOf(client) === "none") return owner;
		return this.#use(owner, spec, name.slice(at + 1));
	}

	/** Undefined: it is no volume, or is of the past itself. */
	volumeOf({ of }: PastOwner): VolumeSpec | undefined {
		const spec = this.#options.disks.find(of)?.spec;
		return spec?.storage.kind === "volume" && !spec.storage.volume.includes("@")
			? { ...spec, storage: spec.storage }
			: undefined;
	}

	async #use(owner: PastOwner, spec: VolumeSpec, asked: string): Promise<Opened | Refusal> {
		const opening = this.#find(owner, asked) ?? this.#begin(owner, spec, asked);
		if (opening === undefined) {
			const why = `${counted(PASTS_MAX, "snapshot")} and moments are read already, and there can't be more`;
			return { reply: OptionReply.errPolicy, why };
		}
		opening.users += 1;
		try {
			const exported = await opening.whenOpen;
			return { exported, release: () => this.#release(opening) };
		} catch (error) {
			this.#openings.delete(opening);
			if (!(error instanceof OperatorError)) throw error;
			return { reply: OptionReply.errUnknown, why: error.message };
		}
	}

	#find(owner: PastOwner, asked: string): Opening | undefined {
		const freshMs = this.#clock.now() - SAME_MS;
		for (const each of this.#openings) {
			const isFixed = each.past?.name.endsWith(`@${asked}`) ?? false;
			const isLately = each.asked === asked && each.sinceMs > freshMs;
			if (each.owner === owner && (isFixed || isLately)) return each;
		}
		return undefined;
	}

	#begin(owner: PastOwner, spec: VolumeSpec, asked: string): Opening | undefined {
		if (this.#openings.size + this.#closing.size >= PASTS_MAX) return undefined;
		const key = keyOf(spec.storage.pool, `${spec.storage.volume}@${asked}`);
		const whenOpen = this.#opened(owner, spec, asked);
		const opening: Opening = {
			...{ owner, asked, whenOpen, key },
			...{ sinceMs: this.#clock.now(), past: undefined, users: 0 },
		};
		this.#openings.add(opening);
		whenOpen.then(
			(past) => {
				opening.past = past;
			},
			() => undefined,
		);
		return opening;
	}

	async #opened(owner: PastOwner, spec: VolumeSpec, asked: string): Promise<Past> {
		const { pool, volume, name } = spec.storage;
		// (Loaded with the first volume, where nothing is one not at all.)
		const open = this.#options.open ?? (await import("../pool/openings.js")).openPast;
		const { fixed, device, snapshots, changesSince } = await open(
			this.#options.home,
			pool,
			`${volume}@${asked}`,
			spec,
		);
		const { identity, onFault } = owner.disk;
		const past = new Disk(`${name}${fixed.slice(volume.length)}`, identity, device);
		past.device.limit = owner.disk.device.limit;
		past.onFault = onFault;
		return new Past(past.name, owner, past, {
			names: snapshots,
			since: (snapshot) => changesSince(snapshot).catch(unlessUnknown),
		});
	}

	#release(opening: Opening): void {
		opening.users -= 1;
		if (opening.users > 0) return;
		this.#openings.delete(opening);
		const closing: Promise<unknown> = opening.whenOpen
			.then(({ disk }) => disk.close())
			.finally(() => this.#closing.delete(closing));
		this.#closing.add(closing);
	}

	/** Those of an export that are open. */
	of(owner: PastOwner): Past[] {
		return [...this.#openings].flatMap((each) =>
			each.owner === owner && each.past !== undefined ? [each.past] : [],
		);
	}

	/** Whether somebody reads that snapshot of the pool in that directory: `web@monday`. */
	isRead(folder: string, name: string): boolean {
		const key = keyOf(folder, name);
		return [...this.#openings].some((each) => each.key === key);
	}

	/** When those are closed that nobody has any more. */
	async settled(): Promise<void> {
		await Promise.all(this.#closing);
	}
}

/** (One that was removed, perhaps a moment ago, is one that is not there.) */
function unlessUnknown(error: unknown): undefined {
	if (!(error instanceof OperatorError)) throw error;
	return undefined;
}

function keyOf(folder: string, name: string): string {
	return `${folder}/${name}`;
}
