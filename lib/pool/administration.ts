/**
 * Makes, changes and removes volumes and snapshots: looks whether it can be done, and says it in the log. One change at a time. Asked by
 * commands and by whoever serves; `contents.ts` carries out what is said.
 */

import { isDeepStrictEqual } from "node:util";
import { OperatorError } from "../errors.js";
import { InTurn } from "../in-turn.js";
import { KEPT_BYTES } from "../send/kept-bytes.js";
import { changedSettings, type PoolSettings, type SettingsChange } from "../spec/policy.js";
import { quote } from "../text.js";
import type { AdministrationOn } from "./administration-on.js";
import {
	checkChanged,
	checkPage,
	checkQuota,
	checkReleased,
	checkReplaced,
	checkShrunk,
	checkSize,
	checkWanted,
	freeName,
	type NamedSnapshot,
	type WantedSnapshot,
} from "./allowed.js";
import { Beginnings } from "./beginnings.js";
import { type Catalog, checkName, NoVolumeError, type Snapshot, type Volume } from "./catalog.js";
import { NOTE_BYTES_MAX } from "./gather.js";
import { newIdentity } from "./identity.js";
import { encodeNote, type Note, type SettingsSource } from "./notes.js";
import { bytesOf, PendingNote } from "./pending-note.js";
import { stateOf } from "./unfinished.js";

export class Administration {
	readonly #on: AdministrationOn;
	readonly #path: string;
	readonly #catalog: Catalog;
	readonly #beginnings: Beginnings;
	/** Whose settings were refused the last time: they may be seen, and nobody knows whether they are stored. */
	readonly #unsure = new Set<SettingsSource>();
	readonly #turns = new InTurn();

	constructor(on: AdministrationOn) {
		this.#on = on;
		this.#path = on.world.folder.path;
		this.#catalog = on.catalog;
		this.#beginnings = new Beginnings(on, {
			snapshot: (volume, name) => this.snapshot(volume, name),
			say: (...notes) => this.#say(...notes),
		});
	}

	/** Throws a NoVolumeError if there is none. */
	volume(name: string): Volume {
		const volume = this.#catalog.find(name);
		if (volume === undefined) throw new NoVolumeError(`${this.#path}: has no volume ${quote(name)}`);
		return volume;
	}

	/** The same for snapshots. */
	snapshot(volume: Volume, name: string): Snapshot {
		const found = volume.snapshots.find((snapshot) => snapshot.name === name);
		if (found === undefined)
			throw new OperatorError(`volume ${quote(volume.name)}: has no snapshot ${quote(name)}`);
		return found;
	}

	/** All zeros. */
	create(name: string, sizeBytes: number, pageBytes: number): Promise<Volume> {
		return this.#turns.run(async () => {
			this.#checkNew(name);
			checkPage(pageBytes);
			checkSize(name, sizeBytes);
			const line = this.#catalog.nextLine;
			await this.#say({ note: "create", line, name, sizeBytes, pageBytes, ...newIdentity() });
			return this.volume(name);
		});
	}

	/** A volume that begins as a snapshot is, or as it was at a moment: `at` is what stands behind an `@`. */
	clone(of: string, at: string, name: string): Promise<Volume> {
		return this.#turns.run(async () => {
			this.#checkNew(name);
			const parent = this.volume(of);
			return this.#beginnings.at(parent, at, async (snapshot, forget) => {
				await this.#on.cuts.idle();
				const { sizeBytes, line: from, position } = snapshot;
				const line = this.#catalog.nextLine;
				const origin = { line: from, position };
				const { pageBytes } = parent;
				const made = { note: "create", line, name, sizeBytes, pageBytes, ...newIdentity(), origin } as const;
				await this.#say(made, ...forget(parent.line));
				return this.volume(name);
			});
		});
	}

	/** Takes away what was made for a clone, or the way back, that has not come about. */
	forgetPassing(): Promise<void> {
		return this.#turns.run(() => this.#beginnings.forgetLeft());
	}

	/** All of one moment. */
	takeSnapshots(wanted: readonly WantedSnapshot[]): Promise<Snapshot[]> {
		return this.#turns.run(async () => {
			checkWanted(wanted, (name) => this.volume(name));
			return this.#withCut(async () => {
				await this.#say(
					...wanted.map(({ volume, ...named }) => {
						return { note: "snapshot", line: this.volume(volume).line, ...named } as const;
					}),
				);
				return wanted.map(({ volume, name }) => this.snapshot(this.volume(volume), name));
			});
		});
	}

	forget(volumeName: string, name: string): Promise<void> {
		return this.#turns.run(async () => {
			const volume = this.volume(volumeName);
			checkReleased(volumeName, [this.snapshot(volume, name)]);
			await this.#say({ note: "forget", line: volume.line, name });
		});
	}

	/** Those that are there still and may go. Resolves to them. */
	forgetAll(
		wanted: readonly NamedSnapshot[],
		mayGo: (volume: Volume, snapshot: NamedSnapshot) => boolean,
	): Promise<NamedSnapshot[]> {
		return this.#turns.run(async () => {
			const notes: Note[] = [];
			const going = wanted.filter((each) => {
				const volume = this.#catalog.find(each.volume);
				if (volume === undefined || !mayGo(volume, each)) return false;
				notes.push({ note: "forget", line: volume.line, name: each.name });
				return true;
			});
			if (notes.length > 0) await this.#say(...notes);
			return going;
		});
	}

	hold(volumeName: string, name: string, isHeld: boolean): Promise<void> {
		return this.#turns.run(async () => {
			const volume = this.volume(volumeName);
			this.snapshot(volume, name);
			await this.#say({ note: isHeld ? "hold" : "release", line: volume.line, name });
		});
	}

	/** How it was is kept as a snapshot, whose name is returned. Initiators find another disk afterwards. */
	rollback(volumeName: string, at: string): Promise<string> {
		return this.#turns.run(async () => {
			const volume = this.volume(volumeName);
			const { line } = volume;
			this.#checkUnused(volume, "goes back");
			return this.#beginnings.at(volume, at, ({ name }, forget) =>
				this.#withCut(async () => {
					this.#checkUnused(volume, "goes back");
					const kept = freeName(volume, `before-${name}`);
					const newLine = this.#catalog.nextLine;
					const back = { note: "rollback", line, name, kept, newLine, ...newIdentity() } as const;
					await this.#say(back, ...forget(newLine));
					return kept;
				}),
			);
		});
	}

	/** The volume goes on as the other one is, which is no more; it has the snapshots of both. `isAnother`: as for `resize`. */
	replace(name: string, by: string, isAnother = false): Promise<void> {
		return this.#turns.run(async () => {
			const [volume, other] = [this.volume(name), this.volume(by)];
			for (const each of [volume, other]) this.#checkUnused(each, "is replaced");
			checkReplaced(volume, other);
			const { line } = other;
			const identity: Note[] = isAnother ? [{ note: "identity", line, ...newIdentity() }] : [];
			await this.#say({ note: "replace", line: volume.line, newLine: line }, ...identity);
		});
	}

	rename(from: string, to: string): Promise<void> {
		return this.#turns.run(async () => {
			this.#checkNew(to);
			this.#checkUnused(this.volume(from), "is renamed");
			await this.#say({ note: "rename", line: this.volume(from).line, name: to });
		});
	}

	/**
	 * Grows while it is used; shrinks only if that is said, and then what is behind the end is gone. `isAnother`: it has another identity
	 * afterwards, for initiators know it as it was.
	 */
	resize(name: string, sizeBytes: number, mayShrink: boolean, isAnother = false): Promise<Volume> {
		return this.#turns.run(async () => {
			const volume = this.volume(name);
			checkSize(name, sizeBytes);
			if (sizeBytes < volume.sizeBytes) {
				checkShrunk(volume, sizeBytes, mayShrink);
				this.#checkUnused(volume, "shrinks");
			}
			const { line } = volume;
			const identity: Note[] = isAnother ? [{ note: "identity", line, ...newIdentity() }] : [];
			return this.#sayOf(name, { note: "resize", line, sizeBytes }, ...identity);
		});
	}

	/** What is kept of a volume, and how much it may hold. */
	set(name: string, changes: SettingsChange): Promise<Volume> {
		return this.#turns.run(async () => {
			const { line } = this.volume(name);
			if (typeof changes.quotaBytes === "number")
				checkQuota(name, await this.#on.users.countUsed(this.volume(name)), changes.quotaBytes);
			const settings = changedSettings(this.volume(name).settings, changes);
			return this.#sayOf(name, { note: "set", line, settings });
		});
	}

	/** What holds for all volumes of which nothing else is set. */
	setPool(by: SettingsSource, poolSettings: PoolSettings): Promise<void> {
		return this.#turns.run(async () => {
			const isSaid = isDeepStrictEqual(this.#catalog.settingsBy[by] ?? {}, poolSettings);
			if (isSaid && !this.#unsure.has(by)) return;
			this.#unsure.add(by);
			await this.#say({ note: "pool", by, poolSettings });
			this.#unsure.delete(by);
		});
	}

	/** With its snapshots; and, of one that was to be filled, with what keeps how far it is. */
	delete(name: string): Promise<void> {
		return this.#turns.run(async () => {
			const state = this.#catalog.find(stateOf(name) ?? "");
			const going = [this.volume(name), ...(state?.sizeBytes === KEPT_BYTES ? [state] : [])];
			for (const volume of going) {
				this.#checkUnused(volume, "is deleted");
				checkReleased(volume.name, volume.snapshots);
			}
			await this.#say(...going.map(({ line }) => ({ note: "delete", line }) as const));
		});
	}

	/** Before anybody is served: after a loss, which initiators may have in their caches still, they find other disks; and what was left half made is taken away. */
	async begin(): Promise<void> {
		const { losses, promotion } = this.#on.world;
		await promotion?.begin(() => this.#catalog.written.now);
		if (losses?.areNew === true) await this.renewIdentities();
		// (Broken off before, it is done once more: nobody has seen them.)
		if (losses?.areNew === true) await losses.noted();
		await this.forgetPassing();
	}

	/** Initiators take none of the volumes for what it was so far. */
	renewIdentities(): Promise<void> {
		return this.#turns.run(async () => {
			for (const { line } of this.#catalog.volumes)
				await this.#say({ note: "identity", line, ...newIdentity() });
		});
	}

	#checkNew(name: string): void {
		checkName("volume", name);
		if (this.#catalog.find(name) !== undefined)
			throw new OperatorError(`${this.#path}: has a volume ${quote(name)} already`);
	}

	#checkUnused({ line, name }: Volume, does: string): void {
		if (this.#on.users.isOpen(line))
			throw new OperatorError(`volume ${quote(name)}: ${does} only while nobody serves it`);
	}

	async #say(...notes: Note[]): Promise<void> {
		checkChanged(this.#on.world);
		const encoded = notes.map(encodeNote);
		if (bytesOf(encoded) > NOTE_BYTES_MAX)
			throw new OperatorError("so much can't be said in one record; ask for less at once");
		await new PendingNote(this.#on.log, encoded).done;
	}

	/** Who has the volume open is told, also if it was refused: all others see what was on its way when storage failed. */
	async #sayOf(name: string, ...notes: Note[]): Promise<Volume> {
		try {
			await this.#say(...notes);
		} finally {
			this.#on.users.changed(this.volume(name));
		}
		return this.volume(name);
	}

	/** For what says that how a volume is now is kept. */
	async #withCut<T>(act: () => Promise<T>): Promise<T> {
		const release = await this.#on.cuts.reserve();
		try {
			return await act();
		} finally {
			release();
		}
	}
}
