/**
 * The disks of a worker, as control speaks of them: one name for a disk with all its exports. Turns what is asked into what the daemon
 * can do, one thing at a time for each disk. Used by `worker.ts`.
 */

import { OperatorError } from "../errors.js";
import { volumeIn } from "../pool/past.js";
import { aoeExportsOf, iscsiExportOf } from "../spec/exports.js";
import type {
	AccessSpec,
	AoeExportSpec,
	DiskSpec,
	ExportSpec,
	IscsiExportSpec,
	KeptReservations,
} from "../spec/spec.js";
import { quote } from "../text.js";
import { Absences } from "./absences.js";
import { AwaitedPools } from "./awaited-pools.js";
import type { Daemon } from "./daemon.js";
import type { DiskEnd } from "./disks.js";
import { exportWithSet, type SetOnDisk, setOn } from "./set-access.js";
import { keptAtLast } from "./set-keeping.js";
import type { ServingSome, WorkerDisk } from "./worker-messages.js";

/** The fingerprint of one that is open without exports: that of no other. */
const WITHDRAWN = "";
/** To tell of thousands in one message would keep initiators waiting. */
const SERVING_AT_ONCE = 256;

/** Resolves when what is set on that disk is kept, or to false. Undefined: nobody could. */
type Keep = (disk: string) => Promise<boolean> | undefined;

interface RemoveOptions {
	readonly limitMs?: number;
	readonly comesAgain?: boolean;
}

export class WorkerDisks {
	/** Pools that are closed with their last disk, and had again with the next. */
	readonly awaitedPools = new AwaitedPools();
	readonly #daemon: Daemon;
	readonly #disks = new Map<string, WorkerDisk>();
	/** What initiators have set, by name of the disk: from the moment that it is being added. */
	readonly #set = new Map<string, SetOnDisk>();
	/** What each disk is being asked for, until that is done. */
	readonly #busy = new Map<string, Promise<unknown>>();
	/** What clients are told of those that are not served. */
	readonly #absent: Absences;
	/** What was last asked to be added, by name, until it is removed. */
	readonly #wanted = new Map<string, WorkerDisk>();

	constructor(daemon: Daemon, absent: Absences = new Absences()) {
		this.#daemon = daemon;
		this.#absent = absent;
	}

	get names(): string[] {
		return [...this.#disks.keys()];
	}

	/** What is served, and as what: some, from that one on. */
	serving(from: number): ServingSome {
		const end = from + SERVING_AT_ONCE;
		const disks = [...this.#disks.values()]
			.slice(from, end)
			.map(({ disk: { name, identity }, fingerprint }) => ({
				name,
				fingerprint,
				set: this.setOn(name),
				identity,
			}));
		return { disks, isMore: end < this.#disks.size };
	}

	/** Throws an OperatorError if it can't be opened or served; then nothing of it is there. */
	add(added: WorkerDisk): Promise<void> {
		const { disk, links, fenced } = added;
		return this.#afterwards(disk.name, async () => {
			const before = this.#disks.get(disk.name);
			// A control that is no more has asked for it.
			if (before?.fingerprint === added.fingerprint && before.fenced === fenced) return;
			const isWithdrawn = before?.fingerprint === WITHDRAWN;
			if (before !== undefined && !isWithdrawn) await this.remove(disk.name, { comesAgain: true });
			this.#set.set(disk.name, added.set);
			this.#wanted.set(disk.name, added);
			this.#absent.expect(disk.name, added.exports);
			const specs = {
				disks: isWithdrawn ? [] : [disk],
				exports: fenced ? [] : this.#withSet(added),
				links,
			};
			await this.#daemon.add(specs).catch((error: unknown) => {
				this.#failed(added, error);
				throw error;
			});
			this.#disks.set(disk.name, added);
			this.#tellFence(added);
		});
	}

	/** It can't be added yet: control waits for what it needs, or it lacks that. */
	expect({ name, exports, why }: Pick<WorkerDisk, "exports"> & { name: string; why: string }): void {
		const { fingerprint = WITHDRAWN } = this.#disks.get(name) ?? {};
		if (fingerprint === WITHDRAWN) this.#absent.tell(name, exports, cantBeServed(name, why));
	}

	/** Whoever has removed it meanwhile wants nothing told of it. */
	#failed(added: WorkerDisk, error: unknown): void {
		const { disk, exports } = added;
		if (this.#wanted.get(disk.name) !== added || !(error instanceof OperatorError)) return;
		this.#absent.tell(disk.name, exports, cantBeServed(disk.name, error.message));
	}

	#tellFence({ disk: { name }, exports, fenced }: WorkerDisk): void {
		if (fenced) this.#absent.tell(name, exports, `disk ${name} is fenced`);
		else this.#absent.isServed(name, exports);
	}

	/** Throws an OperatorError if it has to be removed and added instead. */
	change(changed: Pick<WorkerDisk, "disk" | "exports" | "fingerprint">): Promise<void> {
		const { name } = changed.disk;
		return this.#afterwards(name, async () => {
			const before = this.#get(name);
			if (namesOf(before.exports) !== namesOf(changed.exports))
				throw new OperatorError(`disk ${quote(name)}: is exported in other ways`);
			const disk = { ...changed.disk, ...identityOf(before.disk) };
			this.#daemon.changeDisk(disk);
			if (!before.fenced) for (const each of changed.exports) this.#daemon.change(each);
			this.#set.set(name, changedSet(changed.exports, this.setOn(name)));
			const after = { ...before, ...changed, disk };
			this.#disks.set(name, after);
			this.#tellFence(after);
		});
	}

	/** Its exports are removed, when what is under way is answered; it stays open, and gets others. */
	withdraw(name: string): Promise<void> {
		return this.#afterwards(name, async () => {
			const disk = this.#disks.get(name);
			// Nor has it exports.
			if (disk === undefined) return;
			this.#absent.expectAgain(name, disk.exports);
			if (!disk.fenced) await Promise.all(disk.exports.map((each) => this.#daemon.removeExport(each.name)));
			this.#disks.set(name, { ...disk, exports: [], fingerprint: WITHDRAWN });
		});
	}

	/**
	 * At once, even while it is being added; closed if there is none of this name. Where it `comesAgain`, initiators are told that it will until it is
	 * added, or removed for good. Throws an OperatorError if a pool is open on it.
	 */
	async remove(name: string, { limitMs, comesAgain = false }: RemoveOptions = {}): Promise<DiskEnd> {
		this.#daemon.chunkPools.refuseIfHeld(name);
		const { exports, disk } = this.#wanted.get(name) ?? {};
		// Whoever asks what is served while it takes its time is not told of it.
		this.#disks.delete(name);
		this.#set.delete(name);
		this.#wanted.delete(name);
		if (!comesAgain) this.#absent.forget(name);
		else if (exports !== undefined) this.#absent.expectAgain(name, exports);
		if (comesAgain && disk?.storage.kind === "volume") this.awaitedPools.expect(disk.storage.pool);
		try {
			return await this.#daemon.removeDisk(name, limitMs);
		} catch (error) {
			// There is none, and that is what is wanted.
			if (error instanceof OperatorError) return "closed";
			throw error;
		}
	}

	/** Another host has the pool: nobody is answered any more, in this very turn, by disks on it, or on one volume. Control has them served again when it is had here. */
	lostPool(path: string, volume?: string): void {
		this.awaitedPools.expect(path);
		for (const { disk, exports } of [...this.#wanted.values()]) {
			const { storage, name } = disk;
			// (What is a part of another disk is closed with that.)
			if (storage.kind !== "volume" || storage.pool !== path || exports.length === 0) continue;
			if (volume !== undefined && volumeIn(storage.volume) !== volume) continue;
			if (this.#disks.get(name)?.fenced === false)
				for (const each of exports) this.#daemon.fenceExport(each.name).catch(unlessBug);
			this.remove(name).catch(unlessBug);
			this.#absent.tell(name, exports, "its pool is being had again, here or by another host");
		}
	}

	/** Cuts its initiators off, at once, or serves them again. */
	fence(name: string, fenced: boolean): Promise<void> {
		return this.#afterwards(name, async () => {
			const disk = this.#get(name);
			if (disk.fenced === fenced) return;
			// (Before anybody is cut off, and comes again.)
			if (fenced) this.#tellFence({ ...disk, fenced });
			const { exports, links } = disk;
			const again = { disks: [], exports: this.#withSet(disk), links };
			if (fenced) await Promise.all(exports.map((each) => this.#daemon.fenceExport(each.name)));
			else await this.#daemon.add(again);
			const after = { ...disk, fenced };
			this.#disks.set(name, after);
			this.#tellFence(after);
		});
	}

	/** An initiator has set something; undefined: what there was is kept elsewhere by now. */
	takeSet(exported: AoeExportSpec, access: AccessSpec | undefined): void {
		const { [exported.name]: _, ...others } = this.setOn(exported.disk);
		const now = access === undefined ? {} : { [exported.name]: setOn(exported, access) };
		this.#set.set(exported.disk, { ...others, ...now });
	}

	/** The same of one of iSCSI. Undone if `keep` does not keep it. */
	async keepUnit({ name, disk }: IscsiExportSpec, kept: KeptReservations, keep: Keep): Promise<boolean> {
		const before = setOf(this.setOn(disk), name);
		this.#set.set(disk, { ...this.setOn(disk), [name]: kept });
		if (await keptAtLast(() => keep(disk))) return true;
		const { [name]: _, ...others } = this.setOn(disk);
		this.#set.set(disk, before === undefined ? others : { ...others, [name]: before });
		void keep(disk);
		return false;
	}

	/** All that initiators have set on the disk. */
	setOn(name: string): SetOnDisk {
		return this.#set.get(name) ?? {};
	}

	/** Its exports with what initiators have set. */
	#withSet({ disk, exports }: WorkerDisk): ExportSpec[] {
		const set = this.setOn(disk.name);
		return exports.map((each) => exportWithSet(each, setOf(set, each.name)));
	}

	#get(name: string): WorkerDisk {
		const disk = this.#disks.get(name);
		if (disk === undefined) throw new OperatorError(`disk ${quote(name)}: there is none of this name`);
		return disk;
	}

	async #afterwards(name: string, act: () => Promise<void>): Promise<void> {
		const acted = (this.#busy.get(name) ?? Promise.resolve()).then(act);
		const settled = acted.catch(() => {});
		this.#busy.set(name, settled);
		try {
			await acted;
		} finally {
			if (this.#busy.get(name) === settled) this.#busy.delete(name);
		}
	}
}

function cantBeServed(name: string, why: string): string {
	return `disk ${name} can't be served: ${why}`;
}

/** It may be on its way out already. */
function unlessBug(error: unknown): void {
	if (!(error instanceof OperatorError)) throw error;
}

/** Of one export, which may have a name that every object knows: `constructor`. */
function setOf(set: SetOnDisk, name: string): SetOnDisk[string] | undefined {
	return Object.hasOwn(set, name) ? set[name] : undefined;
}

/** What is left of it with what is configured now. */
function changedSet(exports: readonly ExportSpec[], set: SetOnDisk): SetOnDisk {
	const blades = aoeExportsOf(exports).flatMap((each) => {
		const exported = exportWithSet(each, setOf(set, each.name));
		const { access } = exported.protocol === "aoe" ? exported : {};
		return access === undefined ? [] : [[each.name, setOn(each, access)] as const];
	});
	const unit = iscsiExportOf(exports)?.name;
	const kept = unit === undefined ? undefined : setOf(set, unit);
	return Object.fromEntries([...blades, ...(unit && kept ? [[unit, kept] as const] : [])]);
}

/** What control keeps of it, and gives when it is added. */
function identityOf({ identity, lengths }: DiskSpec): Pick<DiskSpec, "identity" | "lengths"> {
	return { ...(identity !== undefined && { identity }), ...(lengths !== undefined && { lengths }) };
}

function namesOf(exports: readonly ExportSpec[]): string {
	return exports.map(({ name }) => name).join("\n");
}
