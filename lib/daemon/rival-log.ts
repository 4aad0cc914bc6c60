/**
 * Which blades another host makes fall silent, told to the operator: each of them, as long as they are few. A station that comes
 * and goes, before thousands of blades, must not fill the log: what passes a number of lines a minute is counted, and told in
 * one line. Asked by `outlets.ts`, one for each link.
 */

import type { Blade } from "../aoe/blade.js";
import { type Clock, systemClock } from "../clock.js";
import type { Disk } from "../disk.js";
import type { Log, Subject } from "../log.js";
import { LineLimit } from "./line-limit.js";

const LINES_PER_MINUTE = 20;

/** What there is to tell of a blade. */
type NamedBlade = Pick<Blade, "name"> & { readonly disk: Pick<Disk, "name"> };

export class RivalLog {
	readonly #link: string;
	readonly #log: Log;
	readonly #limit: LineLimit;

	constructor(link: string, log: Log, clock: Clock = systemClock) {
		this.#link = link;
		this.#log = log;
		this.#limit = new LineLimit(clock, LINES_PER_MINUTE, (untold) =>
			log.error(`${link}: blades fell silent or were served again ${untold} times more`),
		);
	}

	/** `mac` has the blade's address on the link. `why`: in words that go on from who it is. */
	silenced(blade: NamedBlade, mac: string, why: string): void {
		const message = `${blade.name}: not served on ${this.#link} for now: ${mac} there ${why}`;
		if (this.#limit.mayTell()) this.#log.error(message, this.#subject(blade));
	}

	servedAgain(blade: NamedBlade, mac: string): void {
		const message = `${blade.name}: served again on ${this.#link}: ${mac} no longer answers there`;
		if (this.#limit.mayTell()) this.#log.warn(message, this.#subject(blade));
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
		this.#limit.close();
	}
}
