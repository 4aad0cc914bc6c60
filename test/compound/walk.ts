/**
 * Walks through every order of losses, returns and losses of power of a mirror, as far as superblocks go: each member has a set of writes
 * and a superblock, changed as `lib/compound/mirror/ledger.ts` changes them, one member after the other, with the power cut between any two.
 * After each of them `assess` is asked, with every selection of members present. Used by `assess.test.ts`.
 */

import { assess, type View } from "../../lib/compound/mirror/assess.js";
import { cloneOf, type Disk, keyOf, type State } from "./walk-state.js";

export class Walk {
	readonly problems: string[] = [];
	readonly counts = { states: 0, opened: 0, missing: 0, divergent: 0, behind: 0 };
	readonly #members: number;
	readonly #depth: number;
	readonly #seen = new Set<string>();

	constructor(members: number, depth: number) {
		this.#members = members;
		this.#depth = depth;
	}

	run(): void {
		let states = [this.#first()];
		for (let depth = 0; depth < this.#depth; depth++) {
			const next: State[] = [];
			for (const state of states)
				for (const after of this.#after(state)) {
					const key = keyOf(after);
					if (this.#seen.has(key)) continue;
					this.#seen.add(key);
					this.counts.states++;
					next.push(after);
				}
			states = next;
		}
	}

	#all(): number[] {
		return Array.from({ length: this.#members }, (_, i) => i);
	}

	#first(): State {
		const entries = this.#all().map((i) => ({
			uuid: `${i}`,
			inSync: true,
			confirmed: "g0",
			attempted: "g1",
			lacksSinceMs: 0,
		}));
		const disks = this.#all().map((index): Disk => {
			const superblock = {
				sequence: 0,
				mirror: "m",
				index,
				dataBytes: 1,
				regionBytes: 1,
				generation: 1,
				id: "g1",
				entries,
			};
			return { writes: 0, superblock, behind: this.#all().map(() => 0) };
		});
		return { disks, run: null, acknowledged: 0, wasForced: false, ids: 2, writes: 0 };
	}

	/** Everything that can happen next. */
	#after(state: State): State[] {
		return state.run === null ? this.#opened(state) : this.#running(state);
	}

	/** With every selection of members, and with or without the operator's word for it. */
	#opened(state: State): State[] {
		const found: State[] = [];
		for (let present = 1; present < 1 << this.#members; present++)
			for (const degraded of [false, true]) {
				const views = state.disks.map(({ superblock }, i): View => {
					return (present & (1 << i)) === 0 ? { kind: "absent" } : { kind: "superblock", superblock };
				});
				const assessment = assess(views, ["a", "b", "c"], { degraded });
				if (assessment.kind !== "open") {
					this.#refused(state, present, assessment.kind === "refuse" ? assessment.why : "create");
					continue;
				}
				this.counts.opened++;
				const { leader, standings } = assessment;
				const wasMissing = degraded && assess(views, ["a", "b", "c"]).kind !== "open";
				const after = cloneOf(state);
				after.wasForced ||= wasMissing;
				const source = after.disks[leader]!;
				if (!after.wasForced && (source.writes & after.acknowledged) !== after.acknowledged)
					this.#problem(state, `${leader} leads with ${source.writes} of ${after.acknowledged}`);
				// Whatever is lost with the operator's word is lost.
				after.acknowledged &= source.writes;
				after.run = {
					inSync: standings.map(({ kind }) => kind === "inSync"),
					target: this.#all().map(() => false),
					entries: after.disks.map((disk, i) => {
						const id = disk.superblock.id;
						const entry = source.superblock.entries[i]!;
						const isTold = standings[i]!.kind !== "refused" && standings[i]!.kind !== "absent";
						return { ...entry, ...(isTold ? { confirmed: id, attempted: id } : {}) };
					}),
					behind: this.#all().map((i) => (source.superblock.entries[i]!.inSync ? 0 : source.behind[i]!)),
				};
				for (const i of this.#all()) {
					if (standings[i]!.kind === "whole") after.run.behind[i] = -1;
					if (standings[i]!.kind === "behind" || standings[i]!.kind === "inSync")
						this.#checkBehind(after, leader, i);
				}
				found.push(...this.#raised(cloneOf(after)));
				// Where it was being written, they may have something different: then only the leader counts.
				after.run.inSync = this.#all().map((i) => i === leader);
				found.push(...this.#raised(after));
			}
		return found;
	}

	/** With what its bitmap says it has what the leader has. */
	#checkBehind(state: State, leader: number, index: number): void {
		this.counts.behind++;
		const { writes } = state.disks[leader]!;
		const lacks = writes & ~state.disks[index]!.writes;
		const extra = state.disks[index]!.writes & ~writes;
		if (((lacks | extra) & ~state.run!.behind[index]!) !== 0)
			this.#problem(
				state,
				`${index} lacks ${lacks} and has ${extra}, and is said to lack ${state.run!.behind[index]}`,
			);
	}

	#refused(state: State, present: number, why: string): void {
		if (why === "missing") this.counts.missing++;
		if (why === "divergent") this.counts.divergent++;
		const isAll = present === (1 << this.#members) - 1;
		if (isAll && !state.wasForced) this.#problem(state, `all members are there, and it is ${why}`);
	}

	#problem(state: State, text: string): void {
		this.problems.push(`${text}: ${JSON.stringify(state)}`);
	}

	#running(state: State): State[] {
		const run = state.run!;
		const found: State[] = [this.#powerOff(state)];
		if (state.writes < 3) found.push(this.#written(state));
		for (const i of this.#all()) {
			if (run.inSync[i] && run.inSync.filter(Boolean).length > 1) found.push(...this.#lost(state, i));
			if (run.target[i]) found.push(...this.#joined(state, i));
			const entry = run.entries[i]!;
			const { id } = state.disks[i]!.superblock;
			const isKnown = id === entry.confirmed || id === entry.attempted;
			if (!run.inSync[i] && !run.target[i] && (isKnown || run.behind[i] === -1))
				found.push(...this.#begun(state, i));
		}
		return found;
	}

	#powerOff(state: State): State {
		return { ...cloneOf(state), run: null };
	}

	/** A write that all who take part have, and that is acknowledged. */
	#written(state: State): State {
		const after = cloneOf(state);
		const bit = 1 << after.writes++;
		const run = after.run!;
		for (const i of this.#all())
			if (run.inSync[i] || run.target[i]) after.disks[i]!.writes |= bit;
			else run.behind[i]! |= bit;
		this.#storeBitmaps(after);
		after.acknowledged |= bit;
		return after;
	}

	#storeBitmaps(state: State): void {
		const run = state.run!;
		for (const i of this.#all()) if (run.inSync[i] || run.target[i]) state.disks[i]!.behind = [...run.behind];
	}

	#lost(state: State, index: number): State[] {
		const after = cloneOf(state);
		after.run!.inSync[index] = false;
		after.run!.behind[index] = 0;
		return this.#raised(after);
	}

	#begun(state: State, index: number): State[] {
		const after = cloneOf(state);
		after.run!.target[index] = true;
		return this.#raised(after);
	}

	#joined(state: State, index: number): State[] {
		const after = cloneOf(state);
		const run = after.run!;
		const source = run.inSync.indexOf(true);
		const lacks = run.behind[index]!;
		const disk = after.disks[index]!;
		disk.writes = (disk.writes & ~lacks) | (after.disks[source]!.writes & lacks);
		run.behind[index] = 0;
		run.target[index] = false;
		run.inSync[index] = true;
		return this.#raised(after, index);
	}

	/**
	 * A new generation is written, on one member after the other: what becomes of it if the power is cut after each of them, and if it is
	 * not. Members in sync are written in any order, then who joins them, then targets.
	 */
	#raised(state: State, joining = -1): State[] {
		const run = state.run!;
		const id = `g${state.ids++}`;
		for (const i of this.#all())
			if (run.inSync[i] || run.target[i]) run.entries[i] = { ...run.entries[i]!, attempted: id };
		run.entries = run.entries.map((entry, i) => ({ ...entry, inSync: run.inSync[i]! }));
		const entries = run.entries;
		const writers = this.#all().filter((i) => run.inSync[i] && i !== joining);
		const targets = this.#all().filter((i) => run.target[i]);
		const store = (to: State, i: number): void => {
			to.disks[i]!.superblock = { ...to.disks[i]!.superblock, id, entries: entries };
			to.disks[i]!.behind = [...run.behind];
			if (to.run !== null) to.run.entries[i] = { ...to.run.entries[i]!, confirmed: id };
		};
		const found: State[] = [];
		// Any part of those in sync, and nobody else, when the power is cut.
		for (let part = 0; part < 1 << writers.length; part++) {
			const cut = this.#powerOff(state);
			for (const [k, i] of writers.entries()) if ((part & (1 << k)) !== 0) store(cut, i);
			found.push(cut);
		}
		const done = cloneOf(state);
		for (const i of [...writers, ...(joining < 0 ? [] : [joining])]) store(done, i);
		found.push(this.#powerOff(done));
		for (const i of targets) store(done, i);
		found.push(done);
		return found;
	}
}
