/** Requests of the block suite, which count how often they complete. Made by `block-conformance-session.ts`. */

import type { BlockDevice } from "../block/device.js";
import { BlockRequest, type RequestOwner } from "../block/request.js";

/** One request, used once. */
export class Probe implements RequestOwner {
	readonly request = new BlockRequest(this);
	completions = 0;
	readonly done: Promise<void>;
	readonly #over: (request: BlockRequest) => void;
	#resolve: () => void = () => {};

	/** `over` is told at once. */
	constructor(over: (request: BlockRequest) => void) {
		this.#over = over;
		this.done = new Promise((resolve) => {
			this.#resolve = resolve;
		});
	}

	finished(request: BlockRequest): void {
		this.completions++;
		this.#over(request);
		this.#resolve();
	}
}

/** A write that submits itself again when it is complete, to the same place. */
export class ChainedWrite implements RequestOwner {
	readonly request = new BlockRequest(this);
	completions = 0;

	constructor(
		readonly device: BlockDevice,
		readonly times: number,
		readonly over: () => void,
	) {}

	finished(request: BlockRequest): void {
		this.completions++;
		if (this.completions < this.times) this.device.submit(request.begin());
		else this.over();
	}
}
