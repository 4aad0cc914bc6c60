/**
 * Carries out the schedules of a pool's volumes, from time to time: all snapshots that are due are of one moment; then those whose time is over are
 * forgotten, some at a time. One that is held, read, spared or has clones stays, and is looked at again. Made by `pool.ts`; what is due
 * says `space/keep.ts`.
 */

import { OperatorError } from "../errors.js";
import type { Schedule } from "../spec/policy.js";
import { counted } from "../text.js";
import type { Administration } from "./administration.js";
import type { NamedSnapshot } from "./allowed.js";
import type { Snapshot, Volume } from "./catalog.js";
import { due } from "./space/keep.js";
import type { PoolTold } from "./told.js";

export interface SchedulesOf {
	readonly administration: Pick<Administration, "takeSnapshots" | "forgetAll">;
	readonly volumes: () => readonly Volume[];
	readonly scheduleOf: (volume: Volume) => Schedule | undefined;
	/** Somebody needs it. */
	readonly isSpared: (volume: Volume, snapshot: Snapshot) => boolean;
	readonly now: () => number;
	readonly tell: (told: PoolTold) => void;
}

/** What one record takes, and what a round does: after months without a daemon there is much to forget, and others are served meanwhile. */
const MADE_PER_RECORD = 256;
const FORGOTTEN_PER_RECORD = 64;
const FORGOTTEN_PER_ROUND = 256;

/** More than these are told in one line. */
const TOLD_EACH = 8;

/** What is being filled is no volume yet. */
const UNFINISHED = /\.part(\.state)?$/;

export class Schedules {
	readonly #of: SchedulesOf;
	#round: Promise<void> | null = null;
	/** Why the last round could not make or forget, so that it is told once. */
	readonly #troubles = new Map<PoolTold["kind"], string>();
	#isClosed = false;

	constructor(of: SchedulesOf) {
		this.#of = of;
	}

	/** One round; resolves when it is over. */
	keep(): Promise<void> {
		if (this.#isClosed) return Promise.resolve();
		this.#round ??= this.#keep().finally(() => {
			this.#round = null;
		});
		return this.#round;
	}

	/** Nothing is under way when it resolves. */
	async close(): Promise<void> {
		this.#isClosed = true;
		await this.#round;
	}

	async #keep(): Promise<void> {
		const nowUs = this.#of.now();
		const make: NamedSnapshot[] = [];
		const forget: NamedSnapshot[] = [];
		for (const volume of this.#of.volumes()) {
			const schedule = this.#of.scheduleOf(volume);
			const isOn = schedule !== undefined && Object.values(schedule).some((seconds) => seconds > 0);
			if (!isOn || UNFINISHED.test(volume.name)) continue;
			const names = volume.snapshots.map(({ name }) => name);
			const { make: name, forget: over } = due(schedule, names, nowUs);
			if (name !== undefined) make.push({ volume: volume.name, name });
			for (const each of over)
				if (this.#mayGo(volume, each)) forget.push({ volume: volume.name, name: each });
		}
		await this.#inParts("snapshot-taken", make, MADE_PER_RECORD, (some) => this.#make(some));
		// (A pool that is too full for new ones is given what the old ones have.)
		const over = forget.slice(0, FORGOTTEN_PER_ROUND);
		await this.#inParts("snapshot-removed", over, FORGOTTEN_PER_RECORD, (some) => this.#forget(some));
	}

	#mayGo(volume: Volume, name: string): boolean {
		const snapshot = volume.snapshots.find((each) => each.name === name);
		return snapshot !== undefined && !snapshot.isHeld && !this.#of.isSpared(volume, snapshot);
	}

	async #make(wanted: readonly NamedSnapshot[]): Promise<void> {
		await this.#of.administration.takeSnapshots(wanted);
		this.#tell("snapshot-taken", wanted, "taken by schedule");
	}

	async #forget(wanted: readonly NamedSnapshot[]): Promise<void> {
		const forgotten = await this.#of.administration.forgetAll(wanted, (volume, { name }) =>
			this.#mayGo(volume, name),
		);
		this.#tell("snapshot-removed", forgotten, "removed by schedule");
	}

	/** What can't be done now is tried in the next round. */
	async #inParts(
		kind: PoolTold["kind"],
		all: readonly NamedSnapshot[],
		perRecord: number,
		act: (some: readonly NamedSnapshot[]) => Promise<void>,
	): Promise<void> {
		try {
			for (let from = 0; from < all.length && !this.#isClosed; from += perRecord)
				await act(all.slice(from, from + perRecord));
			this.#troubles.delete(kind);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			const { message } = error;
			if (this.#troubles.get(kind) !== message) {
				const what = kind === "snapshot-taken" ? "taken" : "removed";
				this.#of.tell({
					kind,
					level: "error",
					message: `snapshots of schedules are not ${what}: ${message}`,
				});
			}
			this.#troubles.set(kind, message);
		}
	}

	#tell(kind: PoolTold["kind"], all: readonly NamedSnapshot[], what: string): void {
		const level = "info";
		if (all.length > TOLD_EACH)
			this.#of.tell({ kind, level, message: `${counted(all.length, "snapshot")} ${what}` });
		else
			for (const { volume, name } of all)
				this.#of.tell({ kind, level, volume, message: `snapshot ${name} ${what}` });
	}
}
