/**
 * Notices that storage can't begin what it is asked for, because the machine has no thread or memory left for it. That is no
 * answer of the disk's: what waits is tried again. Fed once a second by the engine (`engine.ts`); its listener is told when
 * the lack begins, and when it has been over for a while.
 */

/** How many looks without a lack it takes until it is over: one that comes and goes is one. */
const QUIET_LOOKS = 3;

export interface LackListener {
	/** Operations can't be begun now; `errno` says for want of what. */
	lacking(errno: number): void;
	/** They can again; `putOff` had to wait meanwhile. */
	supplied(putOff: number): void;
}

export class LackWatch {
	#listener: LackListener | null = null;
	#lacking = false;
	#quietLooks = 0;
	/** Operations put off since the beginning, and how many there were when the present lack began. */
	#putOff = 0;
	#before = 0;

	watch(listener: LackListener): void {
		this.#listener = listener;
	}

	get putOff(): number {
		return this.#putOff;
	}

	/** `errno` is 0 if nothing is lacking now. */
	look(errno: number, putOff: number): void {
		const isQuiet = errno === 0 && putOff === this.#putOff;
		if (!this.#lacking) {
			if (errno === 0) return;
			this.#lacking = true;
			this.#before = this.#putOff;
			this.#listener?.lacking(errno);
		}
		this.#putOff = putOff;
		this.#quietLooks = isQuiet ? this.#quietLooks + 1 : 0;
		if (this.#quietLooks < QUIET_LOOKS) return;
		this.#lacking = false;
		this.#quietLooks = 0;
		this.#listener?.supplied(this.#putOff - this.#before);
	}
}
