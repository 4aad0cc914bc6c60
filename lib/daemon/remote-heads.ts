/**
 * Heads in files, for a process that can open none: the opener reads and swaps them. A backend of `lib/object/head.ts`, used by
 * `store-pools.ts`.
 */

import type { Asking, Delivery } from "../channel/asking.js";
import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import { type ObjectOp, RequestCounts } from "../object/counts.js";
import { ObjectError, ObjectFault } from "../object/errors.js";
import type { HeadBackend, HeadValue } from "../object/head-backend.js";
import type { HeadAnswer } from "../opener/head-files.js";
import type { OpenerRequest } from "../opener/messages.js";
import { shownPoolPath } from "../spec/pool-path.js";
import { askOpener } from "./ask-opener.js";

/** Longer than the opener gives a disk. */
const LIMIT_MS = 15_000;

export class RemoteHead implements HeadBackend {
	readonly name: string;
	readonly counts = new RequestCounts();
	readonly #opener: Asking;
	readonly #pool: string;
	readonly #clock: Clock;

	/** @param pool its path */
	constructor(opener: Asking, pool: string, clock: Clock = systemClock) {
		this.name = `the head of ${shownPoolPath(pool)}`;
		this.#opener = opener;
		this.#pool = pool;
		this.#clock = clock;
	}

	async open(): Promise<void> {
		await this.read();
	}

	async read(): Promise<HeadValue | null> {
		const { answer, bytes } = await this.#ask("read", { kind: "readHead", pool: this.#pool });
		return answer.id === null ? null : { id: answer.id, value: Buffer.from(bytes ?? []) };
	}

	async swap(id: string | null, value: Buffer): Promise<string | null> {
		return (await this.#ask("swap", { kind: "swapHead", pool: this.#pool, id }, value)).answer.id;
	}

	async #ask(
		op: ObjectOp,
		body: OpenerRequest,
		value?: Buffer,
	): Promise<{ answer: HeadAnswer; bytes: Uint8Array | undefined }> {
		const beganMs = this.#clock.now();
		const told = (code: string): void => this.counts.record(op, code, beganMs, this.#clock);
		let delivery: Delivery;
		try {
			delivery = await askOpener(this.#opener, body, LIMIT_MS, value);
		} catch (error) {
			told("error");
			if (!(error instanceof OperatorError)) throw error;
			throw new ObjectError(ObjectFault.unavailable, `${this.name}: ${op}: ${error.message}`);
		}
		const answer = delivery.body as unknown as HeadAnswer;
		told(answer.fault?.kind ?? "ok");
		const { fault } = answer;
		if (fault !== undefined) throw new ObjectError(fault.kind, fault.message, fault.isUndone);
		return { answer, bytes: delivery.bytes };
	}

	async close(): Promise<void> {}
}
