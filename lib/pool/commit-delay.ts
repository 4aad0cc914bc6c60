/**
 * How long the log waits for company before it sends a record. Who is answered asks again at once, and if what was gathered meanwhile goes
 * without those, two halves of all initiators take turns, each with a sync of its own. So it waits until as many have come as were answered
 * and gathered, a fraction of what the sync took, which it saves. Where nobody comes, it tries less and less often. Kept by `log.ts`.
 */

/** A wait may take so much of what the record before took, and so much without anybody coming. */
const LIMIT_SHARE = 0.75;
const QUIET_SHARE = 0.25;
/** In turns of the event loop, whatever the clock says. */
const TURNS_MAX = 1000;
/** Of those who were expected, so many must have come. */
const GOOD_SHARE = 0.5;
/** After a wait in vain so many records go at once; after each further one twice as many. */
const SKIP_FIRST = 1;
const SKIP_MAX = 1024;

export class CommitDelay {
	/** Whether somebody is waited for. */
	isWaiting = false;
	#expected = 0;
	#before = 0;
	#seen = 0;
	#quietUs = 0;
	#quietFromUs = 0;
	#endUs = 0;
	#turns = 0;
	#skip = 0;
	#nextSkip = SKIP_FIRST;

	/** `answered` have been, after `tookUs`, while `gathered` wait already. */
	begin(answered: number, gathered: number, tookUs: number, nowUs: number): void {
		this.isWaiting = false;
		// (One alone need not wait for himself.)
		if (answered === 0 || answered + gathered === 1) return;
		if (this.#skip > 0) {
			this.#skip--;
			return;
		}
		this.isWaiting = true;
		this.#expected = answered + gathered;
		this.#before = gathered;
		this.#seen = gathered;
		this.#quietUs = QUIET_SHARE * tookUs;
		this.#endUs = nowUs + LIMIT_SHARE * tookUs;
		this.#quietFromUs = nowUs;
		this.#turns = 0;
	}

	/** Whether the wait goes on. To be called whenever somebody may have come, and each turn. */
	goesOn(gathered: number): boolean {
		if (gathered >= this.#expected) this.#over(true);
		return this.isWaiting;
	}

	/** A turn has passed. */
	turn(gathered: number, nowUs: number): void {
		if (gathered > this.#seen) {
			this.#seen = gathered;
			this.#quietFromUs = nowUs;
		}
		const isLong = nowUs >= this.#endUs;
		const isQuiet = nowUs - this.#quietFromUs >= this.#quietUs;
		if (!isLong && !isQuiet && ++this.#turns < TURNS_MAX) return;
		const came = gathered - this.#before;
		this.#over(came >= GOOD_SHARE * (this.#expected - this.#before));
	}

	#over(wasGood: boolean): void {
		this.isWaiting = false;
		if (wasGood) this.#nextSkip = SKIP_FIRST;
		else {
			this.#skip = this.#nextSkip;
			this.#nextSkip = Math.min(SKIP_MAX, 2 * this.#nextSkip);
		}
	}
}
