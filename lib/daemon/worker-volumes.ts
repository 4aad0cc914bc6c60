/**
 * What volumes of a worker's pools hold, or held, for whoever copies it, and what is copied to new ones: control asks piece by piece. A snapshot, a
 * moment or a volume that is being filled is opened when it is first asked about, and kept open for a while: what is asked of it next is of the
 * same. Used by `worker.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { BlockDevice } from "../block/device.js";
import type { Parcel } from "../channel/asking.js";
import { FailedError, OperatorError, unreachable } from "../errors.js";
import { changedRanges, pageBytesOf } from "../pool/changed-ranges.js";
import { type PoolHome, type UsedPool, usePool } from "../pool/openings.js";
import { fixedName, isOfPast } from "../pool/past.js";
import { openVolumeStack } from "../pool/volume-stack.js";
import { DeviceReader } from "../send/device.js";
import { quote } from "../text.js";
import { OpenCopy } from "./open-copy.js";
import { type Stretch, verify } from "./volume-passes.js";
import type { VolumeQuestion } from "./worker-messages.js";

/** What volumes are called that are being filled: no disk has those open, and they are not gone through while they are written. */
const FILLED = /^[^@]*\.part(\.state)?$/;
const MOST_OPEN = 16;
const NO_BYTES: Uint8Array = new Uint8Array(0);
/** In one answer. */
const MOST_RUNS = 512;
const MOST_RANGES = 1024;

export class WorkerVolumes {
	readonly #home: PoolHome;
	readonly #keep: (folder: string, used: UsedPool) => Promise<void>;
	/** By directory and name. */
	readonly #open = new Map<string, Promise<OpenCopy>>();

	/** `keep`: a pool that was used may be used again soon. */
	constructor(home: PoolHome, keep: (folder: string, used: UsedPool) => Promise<void>) {
		this.#home = home;
		this.#keep = keep;
	}

	/** Throws an OperatorError. */
	async answer(folder: string, question: VolumeQuestion, bytes = NO_BYTES): Promise<Parcel> {
		if (question.ask === "about") return this.#about(folder, question.name);
		if (question.ask === "release") {
			await this.#close(keyOf(folder, question.name));
			return { body: {} };
		}
		if (question.ask === "flatten" ? FILLED.test(question.name) : changes(question.name))
			throw new OperatorError(`${quote(question.name)}: changes while it is copied`);
		if (question.ask === "flatten") return this.#flatten(folder, question);
		const past = await this.#past(folder, question.name);
		return past.using(async () => {
			switch (question.ask) {
				case "read": {
					const { offsetBytes, lengthBytes } = question;
					return { body: {}, bytes: await past.read(offsetBytes, lengthBytes) };
				}
				case "write":
					await past.write(question.pieces, bytes, question.sync);
					return { body: {} };
				case "runs":
					return { body: { runs: await runsOf(past.device, question) } };
				case "changes":
					return { body: { ranges: await rangesOf(past, question) } };
				case "verify":
					return { body: await verify(past, past.used.pool, question) };
				default:
					return unreachable(question);
			}
		});
	}

	async #flatten(folder: string, { name, offsetBytes }: About<"flatten">): Promise<Parcel> {
		const used = await usePool(this.#home, folder);
		try {
			const reachedBytes = await used.pool.flatten(name, offsetBytes);
			return { body: { reachedBytes, findings: [] } satisfies Stretch };
		} finally {
			await this.#keep(folder, used);
		}
	}

	/** Of a volume as it is now, or a moment that is counted from now: of the moment that this is. */
	async #about(folder: string, name: string): Promise<Parcel> {
		const fixed = fixedName(name, Date.now() * 1000);
		const past = await this.#past(folder, fixed);
		return past.using(async () => {
			const { pool } = past.used;
			const { sizeBytes } = past.device.info;
			const pageBytes = pageBytesOf(pool, fixed);
			return { body: { name: fixed, sizeBytes, pageBytes, id: pool.readings.contentId(fixed) } };
		});
	}

	#past(folder: string, name: string): Promise<OpenCopy> {
		const key = keyOf(folder, name);
		const known = this.#open.get(key);
		if (known !== undefined) return known;
		const opening = this.#opened(folder, name, key);
		this.#open.set(key, opening);
		opening.catch(() => this.#open.delete(key));
		return opening;
	}

	async #opened(folder: string, name: string, key: string): Promise<OpenCopy> {
		if (this.#open.size >= MOST_OPEN) throw new OperatorError("too much is being copied already");
		const used = await usePool(this.#home, folder);
		try {
			const whole = {
				offsetSectors: 0,
				lengthSectors: undefined,
				durability: "flush",
				readOnly: isOfPast(name),
			} as const;
			const { device } = await openVolumeStack(used.pool, name, whole, used.release);
			return new OpenCopy(used, device, name, () => void this.#close(key));
		} catch (error) {
			await used.release();
			throw error;
		}
	}

	async #close(key: string): Promise<void> {
		const past = this.#open.get(key);
		this.#open.delete(key);
		await (await past?.catch(() => undefined))?.close();
	}

	/** Gives all back. */
	async close(): Promise<void> {
		await Promise.all([...this.#open.keys()].map((key) => this.#close(key)));
	}
}

/** Whether others may write to it. */
function changes(name: string): boolean {
	return !isOfPast(name) && !FILLED.test(name);
}

function keyOf(folder: string, name: string): string {
	return `${folder}/${name}`;
}

type About<Ask> = Extract<VolumeQuestion, { readonly ask: Ask }>;

/** What a range consists of: at least its beginning. */
async function runsOf(
	device: BlockDevice,
	{ name, offsetBytes, lengthBytes }: About<"runs">,
): Promise<object[]> {
	const runs: object[] = [];
	try {
		for await (const run of new DeviceReader(device, name).runs(offsetBytes, offsetBytes + lengthBytes)) {
			runs.push(run);
			if (runs.length === MOST_RUNS) break;
			// What was found of thousands of pages may be one run, and others are served meanwhile.
			await nextTurn();
		}
	} catch (error) {
		if (error instanceof FailedError) throw new OperatorError(error.message);
		throw error;
	}
	return runs;
}

/** What may differ from what `before` was, from a byte on: the first of it. */
async function rangesOf({ used: { pool } }: OpenCopy, question: About<"changes">): Promise<object[]> {
	const { name, before, offsetBytes } = question;
	const ranges: object[] = [];
	for await (const range of changedRanges(pool, before, name, offsetBytes)) {
		ranges.push(range);
		if (ranges.length === MOST_RANGES) break;
	}
	return ranges;
}
