/**
 * Which blades another host makes fall silent, told to the operator: each of them, as long as they are few. A station that comes
 * and goes, before thousands of blades, must not fill the log: what passes a number of lines a minute is counted, and told in
 * one line. Asked by `outlets.ts`, one for each link.
 */

import type { Blade } from "../aoe/blade.js";
import { type Clock, systemClock } from "../clock.js";
import type { Disk } from "../disk.js";
import type { Log, Subject } from "../log.js";

const LINES_PER_MINUTE = 20;
const MINUTE_MS = 60_000;

/** What there is to tell of a blade. */
type NamedBlade = Pick<Blade, "name"> & { readonly disk: Pick<Disk, "name"> };

export class RivalLog {
	readonly #link: string;
	readonly #log: Log;
	readonly #clock: Clock;
	#lines = 0;
	#untold = 0;
	#stopMinute: (() => void) | null = null;

	constructor(link: string, log: Log, clock: Clock = systemClock) {
		this.#link = link;
		this.#log = log;
		this.#clock = clock;
	}

	/** `mac` has the blade's address on the link. `why`: in words that go on from who it is. */
	silenced(blade: NamedBlade, mac: string, why: string): void {
		const message = `${blade.name}: not served on ${this.#link} for now: ${mac} there ${why}`;
		if (this.#mayTell()) this.#log.error(message, this.#subject(blade));
	}

	servedAgain(blade: NamedBlade, mac: string): void {
		const message = `${blade.name}: served again on ${this.#link}: ${mac} no longer answers there`;
		if (this.#mayTell()) this.#log.warn(message, this.#subject(blade));
	}

	/** Another answers for the blade's address, too. Once for each of both. */
	conflict(blade: NamedBlade, mac: string): void {
		const message = `${blade.name}: ${mac} on ${this.#link} answers for the same shelf and slot`;
		this.#log.warn(message, this.#subject(blade));
	}

	#subject({ disk }: NamedBlade): Subject {
		return { kind: "rival", disk: disk.name, link: this.#link };
	}

	close(): void {
		this.#stopMinute?.();
		this.#stopMinute = null;
	}

	#mayTell(): boolean {
		this.#stopMinute ??= this.#clock.after(MINUTE_MS, () => this.#minuteOver());
		if (this.#lines < LINES_PER_MINUTE) {
			this.#lines += 1;
			return true;
		}
		this.#untold += 1;
		return false;
	}

	#minuteOver(): void {
		this.#stopMinute = null;
		this.#lines = 0;
		if (this.#untold === 0) return;
		this.#log.error(`${this.#link}: blades fell silent or were served again ${this.#untold} times more`);
		this.#untold = 0;
	}
}
