/**
 * The reservations of one unit, by whichever of the two ways of SCSI (RESERVE of SPC-2; persistent reservations), and what they keep from whom.
 * Changes are made one after the other, and count when they are kept, if they are to be; what else of the unit is kept goes with them: that it was begun to
 * sanitize it, which keeps other protocols from it, too. Of each `LogicalUnit`; other protocols are told by `Disk.holds`.
 */

import type { Disk } from "../disk.js";
import { Hold } from "../holds.js";
import { InTurn } from "../in-turn.js";
import { canBeKept, type KeptSanitizing, type KeptUnit, keptOf, persistentOf } from "./kept.js";
import type { Nexus } from "./nexus.js";
import { holdAgainst, holdOf, NOTHING_RESERVED, type Persistent } from "./persistent.js";
import { Asc } from "./protocol.js";
import { carryOut, type OutOutcome, type OutRequest } from "./reserve-out.js";
import { illegal } from "./sense.js";

/** Keeps it over a loss of power. Resolves when it is on stable storage; to false if that is not sure. Never rejects. */
export type KeepUnit = (kept: KeptUnit) => Promise<boolean>;

export class Reservations {
	/** Whoever has reserved it by RESERVE of SPC-2. */
	#legacy: Nexus | null = null;
	#persistent = NOTHING_RESERVED;
	/** Null: nothing can be kept. */
	keep: KeepUnit | null = null;
	/** The state that is kept outlives a loss of power, or did at last. */
	#wasKept = false;
	/** Kept beside it, of the same unit. */
	#sanitizing: KeptSanitizing | undefined;
	#isServed = true;
	#changing = 0;
	readonly #turns = new InTurn();
	readonly #disk: Disk;

	constructor(disk: Disk) {
		this.#disk = disk;
	}

	get persistent(): Persistent {
		return this.#persistent;
	}

	get legacy(): Nexus | null {
		return this.#legacy;
	}

	set legacy(nexus: Nexus | null) {
		this.#legacy = nexus;
		this.#tellOthers();
	}

	/** Whoever has reserved it can come: where nobody can, it is kept from nobody of other protocols, for it could never be released. */
	set isServed(isServed: boolean) {
		this.#isServed = isServed;
		this.#tellOthers();
	}

	/**
	 * What was kept, before anybody is answered: also by another host, whose disk it was until now, and who has handed it over or not. Returns the nexuses
	 * that are not registered any more, as that was not to outlive a loss of power.
	 */
	restore(kept: KeptUnit, isHandedOver = false): string[] {
		const state = persistentOf(kept, isHandedOver);
		const all = persistentOf(kept, true).registrations;
		this.#sanitizing = kept.sanitizing;
		this.#wasKept = state.isKept;
		this.#set(state);
		const gone = [...all.keys()].filter((nexus) => !state.registrations.has(nexus));
		// (Who has it next is not to find it.)
		if (gone.length > 0)
			void this.#turns.run(async () => void (await this.#keepNow(this.#persistent, this.#sanitizing)));
		return gone;
	}

	/**
	 * What a service action makes of it, which from then on holds. A promise if that has to be kept first, or others before it; "unkept": it can't be, and
	 * nothing has changed.
	 */
	change(request: OutRequest): OutOutcome | Promise<OutOutcome | "unkept"> {
		if (this.#changing > 0) return this.#later(request);
		const outcome = this.#carryOut(request);
		if (outcome === "conflict" || "sense" in outcome) return outcome;
		if (this.#mustKeep(outcome.state)) return this.#later(request);
		this.#set(outcome.state);
		return outcome;
	}

	#carryOut(request: OutRequest): OutOutcome {
		const outcome = carryOut(this.#persistent, request);
		if (outcome === "conflict" || "sense" in outcome || canBeKept(outcome.state, this.#goesAlong))
			return outcome;
		return { sense: illegal(Asc.insufficientRegistration) };
	}

	#later(request: OutRequest): Promise<OutOutcome | "unkept"> {
		this.#changing += 1;
		return this.#turns.run(async () => {
			try {
				return await this.#kept(this.#carryOut(request));
			} finally {
				this.#changing -= 1;
			}
		});
	}

	async #kept(outcome: OutOutcome): Promise<OutOutcome | "unkept"> {
		if (outcome === "conflict" || "sense" in outcome) return outcome;
		const { state } = outcome;
		if (
			state !== this.#persistent &&
			this.#mustKeep(state) &&
			!(await this.#keepNow(state, this.#sanitizing))
		)
			return "unkept";
		this.#wasKept = state.isKept;
		this.#set(state);
		return outcome;
	}

	/** Another host may have it next, to which all goes along. */
	get #goesAlong(): boolean {
		return this.#disk.device.tenure?.partner !== undefined;
	}

	#mustKeep({ isKept }: Persistent): boolean {
		return this.keep !== null && (isKept || this.#wasKept || this.#goesAlong);
	}

	async #keepNow(state: Persistent, sanitizing: KeptSanitizing | undefined): Promise<boolean> {
		const kept = { ...keptOf(state, this.#goesAlong), ...(sanitizing !== undefined && { sanitizing }) };
		return (await this.keep?.(kept)) ?? true;
	}

	/** Resolves to false if that is not sure to be kept: then it is as before. Where nothing can be, nothing is. */
	keepSanitizing(sanitizing: KeptSanitizing | undefined): Promise<boolean> {
		this.#changing += 1;
		return this.#turns.run(async () => {
			const before = this.#sanitizing;
			const set = (to: KeptSanitizing | undefined) => {
				this.#sanitizing = to;
				this.#tellOthers();
			};
			// (What begins is kept from others at once, and what ends until that is sure.)
			if (sanitizing !== undefined) set(sanitizing);
			const isKept = await this.#keepNow(this.#persistent, sanitizing);
			set(isKept ? sanitizing : before);
			this.#changing -= 1;
			return isKept;
		});
	}

	#set(state: Persistent): void {
		this.#persistent = state;
		this.#tellOthers();
	}

	#tellOthers(): void {
		const { reservation } = this.#persistent;
		const hold = reservation === null ? Hold.none : holdOf(reservation.type);
		const most = this.#legacy === null && this.#sanitizing === undefined ? hold : Hold.all;
		this.#disk.holds.set(this, "scsi", this.#isServed ? most : Hold.none);
	}

	/** What the reservations of others keep from that nexus, by whatever protocol they are. */
	against(nexus: Nexus): Hold {
		const others = this.#disk.holds.against("scsi");
		if (this.isHeldBefore(nexus)) return Hold.all;
		const own = holdAgainst(this.#persistent, nexus.key);
		return own > others ? own : others;
	}

	/** Somebody else has it by RESERVE. */
	isHeldBefore(nexus: Nexus): boolean {
		return this.#legacy !== null && this.#legacy !== nexus;
	}
}
