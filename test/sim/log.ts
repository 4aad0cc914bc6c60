/**
 * What happened in a simulation, as a number: two runs that went the same way have the same. SIM_TRACE=1 in the
 * environment prints every line (see `replay.ts`).
 */

export class EventLog {
	#low = 0x811c9dc5;
	#high = 0x01000193;
	count = 0;
	readonly #prints = (process.env.SIM_TRACE ?? "") !== "";

	/** Something happened at `ms`; of `bytes` the beginning counts. */
	add(ms: number, what: string, bytes?: Uint8Array): void {
		this.count++;
		this.#mix(Math.floor(ms * 1000));
		for (let at = 0; at < what.length; at++) this.#mix(what.charCodeAt(at));
		const length = Math.min(bytes?.length ?? 0, 48);
		for (let at = 0; at < length; at++) this.#mix(bytes![at]!);
		if (!this.#prints) return;
		const hex = bytes === undefined ? "" : Buffer.from(bytes.subarray(0, 44)).toString("hex");
		process.stderr.write(`${ms.toFixed(3).padStart(10)} ${what} ${hex}\n`);
	}

	/** 64 bits. (FNV-1a, twice.) */
	get hash(): string {
		const parts = [this.#high, this.#low].map((part) => (part >>> 0).toString(16).padStart(8, "0"));
		return parts.join("");
	}

	#mix(value: number): void {
		this.#low = Math.imul(this.#low ^ value, 0x01000193);
		this.#high = Math.imul(this.#high ^ (value + 0x9e37), 0x85ebca6b) ^ (this.#high >>> 13);
	}
}
