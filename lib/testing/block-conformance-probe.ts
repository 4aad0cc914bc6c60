/** Requests of the block suite, which count how often they complete. Made by `block-conformance-session.ts`. */

import type { BlockDevice } from "../block/device.js";
import { BlockRequest, type RequestOwner, type WriteGuard } from "../block/request.js";
import type { Memory } from "../wire/memory.js";

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

/** Writes what `decide` makes of what is there; undefined: nothing. */
export class ProbeGuard implements WriteGuard {
	constructor(
		readonly memory: Memory,
		readonly memoryOffset: number,
		readonly decide: (there: Uint8Array) => Uint8Array | undefined,
	) {}

	allows(request: BlockRequest): boolean {
		const { memoryOffset } = this;
		const there = this.memory.bytes.slice(memoryOffset, memoryOffset + request.lengthBytes);
		const bytes = this.decide(there);
		if (bytes !== undefined) request.memory.bytes.set(bytes, request.memoryOffset);
		return bytes !== undefined;
	}
}

const LIMIT_MS = 60_000;

export async function withinLimit<T>(promise: Promise<T>): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const limit = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new Error(`nothing happened for ${LIMIT_MS} ms`)), LIMIT_MS);
	});
	try {
		return await Promise.race([promise, limit]);
	} finally {
		clearTimeout(timer);
	}
}
