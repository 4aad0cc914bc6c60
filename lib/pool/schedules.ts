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
import type { NextTurn } from "./map/merging.js";
import { inTurns } from "./map/turns.js";
import { type Due, due } from "./space/keep.js";
import type { PoolTold } from "./told.js";
import { isUnfinished } from "./unfinished.js";

export interface SchedulesOf {
	readonly administration: Pick<Administration, "takeSnapshots" | "forgetAll">;
	readonly volumes: () => readonly Volume[];
	readonly scheduleOf: (volume: Volume) => Schedule | undefined;
	/** Somebody needs it. */
	readonly isSpared: (volume: Volume, snapshot: Snapshot) => boolean;
	readonly now: () => number;
	readonly nextTurn: NextTurn;
	readonly tell: (told: PoolTold) => void;
}

/** What one record takes, and what a round does: after months without a daemon there is much to forget, and others are served meanwhile. */
const MADE_PER_RECORD = 256;
const FORGOTTEN_PER_RECORD = 64;
const FORGOTTEN_PER_ROUND = 256;
/** For each that is forgotten all of its volume are gone through: so many in one record. */
const PASSED_PER_RECORD = 16_384;

/** More than these are told in one line. */
const TOLD_EACH = 8;

interface Round {
	readonly make: readonly NamedSnapshot[];
	/** Over, and may go. */
	readonly over: readonly NamedSnapshot[];
	/** Snapshots of a volume of which some are over. */
	readonly most: number;
}

interface Quiet {
	readonly schedule: Schedule;
	readonly fromUs: number;
	readonly toUs: number;
}

export class Schedules {
	readonly #of: SchedulesOf;
	#round: Promise<void> | null = null;
	/** Why the last round could not make or forget, so that it is told once. */
	readonly #troubles = new Map<PoolTold["kind"], string>();
	/** Of volumes of which nothing was due: from when until when, by which schedule. One that is changed is another one. */
	readonly #quiet = new WeakMap<Volume, Quiet>();
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
		const { make, over, most } = await inTurns(this.#find(), this.#of.nextTurn);
		await this.#inParts("snapshot-taken", make, MADE_PER_RECORD, (some) => this.#make(some));
		// (A pool that is too full for new ones is given what the old ones have.)
		const perRecord = Math.max(1, Math.min(FORGOTTEN_PER_RECORD, Math.floor(PASSED_PER_RECORD / most)));
		await this.#inParts("snapshot-removed", over, perRecord, (some) => this.#forget(some));
	}

	/** What is to be done in a round. */
	*#find(): Generator<void, Round> {
		const make: NamedSnapshot[] = [];
		const over: NamedSnapshot[] = [];
		let most = 1;
		for (const volume of this.#of.volumes()) {
			yield;
			const schedule = this.#of.scheduleOf(volume);
			const isOn = schedule !== undefined && Object.values(schedule).some((seconds) => seconds > 0);
			// What is being filled is no volume yet.
			if (!isOn || isUnfinished(volume.name)) continue;
			const { make: name, forget } = yield* this.#due(volume, schedule);
			if (name !== undefined) make.push({ volume: volume.name, name });
			if (forget.length === 0) continue;
			most = Math.max(most, volume.snapshots.length);
			const byName = new Map(volume.snapshots.map((snapshot) => [snapshot.name, snapshot]));
			for (const each of forget) {
				yield;
				if (over.length === FORGOTTEN_PER_ROUND) break;
				if (this.#mayGo(volume, byName.get(each))) over.push({ volume: volume.name, name: each });
			}
		}
		return { make, over, most };
	}

	*#due(volume: Volume, schedule: Schedule): Generator<void, Pick<Due, "make" | "forget">> {
		const nowUs = this.#of.now();
		const quiet = this.#quiet.get(volume);
		if (quiet?.schedule === schedule && quiet.fromUs <= nowUs && nowUs < quiet.toUs) return { forget: [] };
		const names = volume.snapshots.map(({ name }) => name);
		const found = yield* due(schedule, names, nowUs);
		if (found.make === undefined && found.forget.length === 0)
			this.#quiet.set(volume, { schedule, fromUs: nowUs, toUs: found.nextUs });
		return found;
	}

	#mayGo(volume: Volume, snapshot: Snapshot | undefined): boolean {
		return snapshot !== undefined && !snapshot.isHeld && !this.#of.isSpared(volume, snapshot);
	}

	async #make(wanted: readonly NamedSnapshot[]): Promise<void> {
		await this.#of.administration.takeSnapshots(wanted);
		this.#tell("snapshot-taken", wanted, "taken by schedule");
	}

	async #forget(wanted: readonly NamedSnapshot[]): Promise<void> {
		const forgotten = await this.#of.administration.forgetAll(wanted, (volume, { name }) =>
			this.#mayGo(
				volume,
				volume.snapshots.find((each) => each.name === name),
			),
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
