/**
 * When the owner of a pool that two hosts serve hands it over of his own accord: to a host that asks for much more than his own clients do (`Pull`), or that says
 * that it has to have it. Of each `Seat`.
 */

import type { Clock } from "../clock.js";
import { OperatorError } from "../errors.js";
import { LOOK_MS, Pull } from "../pool/store/pull.js";

export interface YieldingOf {
	/** What messages call the pool. */
	readonly shown: string;
	readonly clock: Clock;
	/** It is had, and not on its way. */
	readonly isHere: () => boolean;
	/** To the host that calls itself so. Throws an OperatorError. */
	readonly handOver: (to: string) => Promise<void>;
	readonly warn: (message: string) => void;
}

export class Yielding {
	readonly #of: YieldingOf;
	readonly #pull = new Pull();
	#forgetLook = (): void => {};
	/** Who says that he has to have it. */
	#wanted: string | undefined;
	#forgetWanted = (): void => {};

	constructor(of: YieldingOf) {
		this.#of = of;
	}

	/** A request of the clients of that host; undefined: of this one. */
	asked(host: string | undefined): void {
		if (host === undefined) this.#pull.asked();
		else this.#pull.askedFor(host);
	}

	/** It is here, or stays after all: from now on, for a while. */
	begin(): void {
		this.#pull.came(this.#of.clock.now());
		this.#look();
	}

	/** It is not here any more. */
	end(): void {
		this.#forgetLook();
		this.#forgetWanted();
		this.#wanted = undefined;
	}

	#look(): void {
		this.#forgetLook();
		const { clock, isHere } = this.#of;
		this.#forgetLook = clock.after(LOOK_MS, () => {
			if (!isHere()) return;
			const heir = this.#pull.look(clock.now());
			if (heir === undefined) this.#look();
			else void this.#yield(heir);
		});
	}

	/** That host says that it has to have it, and gets it, the first that says so, when it has been here for a while. */
	wantedBy(host: string): void {
		const { clock, isHere } = this.#of;
		if (!isHere() || this.#wanted !== undefined) return;
		this.#wanted = host;
		this.#forgetWanted = clock.after(this.#pull.wantedInMs(clock.now()), () => {
			this.#wanted = undefined;
			if (isHere()) void this.#yield(host);
		});
	}

	/** To that one. */
	async #yield(heir: string): Promise<void> {
		const { shown, handOver, warn, isHere } = this.#of;
		try {
			await handOver(heir);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			warn(`${shown}: is wanted by another host, and stays: ${error.message}`);
		}
		if (isHere()) this.begin();
	}
}
