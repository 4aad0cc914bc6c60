/**
 * What volumes of a worker's pools hold, or held, for whoever copies it, and what is copied to new ones: control asks piece by piece. A snapshot, a
 * moment or a volume that is being filled is opened when it is first asked about, and kept open for a while: what is asked of it next is of the
 * same, although it was removed meanwhile. Who names its id is never given what came by the same name later; who does not, never what was before.
 * Used by `worker.ts`.
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import type { BlockDevice } from "../block/device.js";
import type { Parcel } from "../channel/asking.js";
import { FailedError, OperatorError, unreachable } from "../errors.js";
import { changedRanges } from "../pool/changed-ranges.js";
import { type PoolHome, type UsedPool, usePool } from "../pool/openings.js";
import { fixedName, isMoment, isOfPast, volumeIn } from "../pool/past.js";
import { isOldPool } from "../pool/renewals.js";
import { isUnfinished } from "../pool/unfinished.js";
import { openVolumeStack } from "../pool/volume-stack.js";
import { DeviceReader } from "../send/device.js";
import { quote } from "../text.js";
import { OpenCopy } from "./open-copy.js";
import { type Stretch, verify } from "./volume-passes.js";
import type { VolumeQuestion } from "./worker-messages.js";

const MOST_OPEN = 16;
/** Whoever copies asks for the next piece sooner; what nobody has asked for is closed when there are others to be opened. */
const IDLE_MS = 5000;
/** The same where something newer has come: between two pieces there is less. */
const UNUSED_MS = 100;
/** Whoever scrubs a pool can leave off so often, and is told of so many places at a time. */
const SCRUB_MS = 100;
const MOST_DAMAGED = 1024;
const NO_BYTES: Uint8Array = new Uint8Array(0);
/** In one answer. */
const MOST_RUNS = 512;
const MOST_RANGES = 1024;
/** And of so much: each page of it is looked at. */
const MOST_RANGES_BYTES = 2 ** 30;

interface Opening {
	readonly whenOpen: Promise<OpenCopy>;
	/** Undefined: not yet. */
	copy: OpenCopy | undefined;
}

export class WorkerVolumes {
	readonly #home: PoolHome;
	readonly #keep: (folder: string, used: UsedPool) => Promise<void>;
	readonly #idleMs: number;
	/** By directory and name. */
	readonly #open = new Map<string, Opening>();

	/** `keep`: a pool that was used may be used again soon. */
	constructor(
		home: PoolHome,
		keep: (folder: string, used: UsedPool) => Promise<void>,
		idleMs: number = IDLE_MS,
	) {
		this.#home = home;
		this.#keep = keep;
		this.#idleMs = idleMs;
	}

	/** Throws an OperatorError. */
	async answer(folder: string, question: VolumeQuestion, bytes = NO_BYTES): Promise<Parcel> {
		if (question.ask === "scrub") return this.#scrub(folder, question);
		if (question.ask === "about") return this.#about(folder, question.name);
		if (question.ask === "release") {
			await this.#close(keyOf(folder, question.name));
			return { body: {} };
		}
		// (No disk has one open that is being filled, and it is not gone through while it is written.)
		if (question.ask === "flatten" ? isUnfinished(question.name) : changes(question.name))
			throw new OperatorError(`${quote(question.name)}: changes while it is copied`);
		if (question.ask === "flatten") return this.#flatten(folder, question);
		const id = "id" in question ? question.id : undefined;
		return this.#using(folder, question.name, id, async (past) => {
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
			used.pool.space.checkChanged();
			const reachedBytes = await used.pool.flatten(name, offsetBytes);
			return { body: { reachedBytes, findings: [] } satisfies Stretch };
		} finally {
			await this.#keep(folder, used);
		}
	}

	/** Some steps, as far as they are short. */
	async #scrub(folder: string, { step, isLight }: About<"scrub">): Promise<Parcel> {
		const used = await usePool(this.#home, folder);
		try {
			const { scrub } = used.pool.readings;
			let body = await scrub.step(step, isLight);
			const damaged = [...body.damaged];
			const endMs = performance.now() + SCRUB_MS;
			while (body.reached < body.total && damaged.length === 0 && performance.now() < endMs) {
				body = await scrub.step(body.reached, isLight);
				damaged.push(...body.damaged);
			}
			return { body: { ...body, damaged: damaged.slice(0, MOST_DAMAGED) } };
		} finally {
			await this.#keep(folder, used);
		}
	}

	/** By the pool's clock. */
	async #fixed(folder: string, name: string): Promise<string> {
		const used = await usePool(this.#home, folder);
		try {
			return fixedName(name, used.pool.time.presentUs);
		} finally {
			await this.#keep(folder, used);
		}
	}

	/** Of a volume as it is now, or a moment that is counted from now: of the moment that this is, which stays open. */
	async #about(folder: string, name: string): Promise<Parcel> {
		if (isOldPool(this.#home, folder)) await this.#letGoUnused(folder);
		const fixed = await this.#fixed(folder, name);
		const at = fixed.slice(volumeIn(fixed).length + 1);
		if (isMoment(at)) {
			return this.#using(folder, fixed, undefined, async ({ id, device, pageBytes }) => {
				const { sizeBytes } = device.info;
				return { body: { name: fixed, sizeBytes, pageBytes, id } };
			});
		}
		const used = await usePool(this.#home, folder);
		try {
			const { administration, readings } = used.pool;
			const volume = administration.volume(volumeIn(fixed));
			const { sizeBytes } = administration.snapshot(volume, at);
			const { pageBytes } = volume;
			return { body: { name: fixed, sizeBytes, pageBytes, id: readings.contentId(fixed) } };
		} finally {
			await this.#keep(folder, used);
		}
	}

	/** Of what the name stood for when it had this id; without one, of what it stands for now. */
	async #using<T>(
		folder: string,
		name: string,
		id: string | undefined,
		work: (copy: OpenCopy) => Promise<T>,
	): Promise<T> {
		const key = keyOf(folder, name);
		for (;;) {
			const opening = this.#open.get(key) ?? this.#begin(folder, name, key);
			const copy = await opening.whenOpen;
			if (this.#open.get(key) !== opening) continue;
			if (copy.id === (id ?? copy.idNow)) return copy.using(() => work(copy));
			if (copy.id === copy.idNow) throw isAnother(name);
			void this.#close(key);
		}
	}

	#begin(folder: string, name: string, key: string): Opening {
		this.#makeRoom();
		const opening: Opening = { whenOpen: this.#opened(folder, name, key), copy: undefined };
		this.#open.set(key, opening);
		opening.whenOpen.then(
			(copy) => {
				opening.copy = copy;
			},
			() => this.#open.delete(key),
		);
		return opening;
	}

	async #opened(folder: string, name: string, key: string): Promise<OpenCopy> {
		const used = await usePool(this.#home, folder);
		try {
			const whole = {
				offsetSectors: 0,
				lengthSectors: undefined,
				durability: "flush",
				readOnly: isOfPast(name) || used.pool.space.onlyRead !== undefined,
			} as const;
			const { device } = await openVolumeStack(used.pool, name, whole, used.release);
			return new OpenCopy(used, device, name, () => void this.#close(key));
		} catch (error) {
			await used.release();
			throw error;
		}
	}

	/** Closes what nobody seems to copy any more, if there is too much. */
	#makeRoom(): void {
		if (this.#open.size < MOST_OPEN) return;
		const idle = [...this.#open].find(([, { copy }]) => copy !== undefined && copy.idleMs >= this.#idleMs);
		if (idle === undefined) throw new OperatorError("too much is being copied already");
		void this.#close(idle[0]);
	}

	async #close(key: string): Promise<void> {
		const opening = this.#open.get(key);
		this.#open.delete(key);
		await (await opening?.whenOpen.catch(() => undefined))?.close();
	}

	/** Nothing of the pool is copied any more. */
	async letGo(folder: string): Promise<void> {
		const keys = [...this.#open.keys()].filter((key) => key.startsWith(keyOf(folder, "")));
		await Promise.all(keys.map((key) => this.#close(key)));
	}

	/** What is kept for who asks next is not, though it may be that somebody does, who has it opened again then: who begins to look sees what is newest, unless somebody still reads what was before. */
	async #letGoUnused(folder: string): Promise<void> {
		const unused = [...this.#open].filter(
			([key, { copy }]) =>
				key.startsWith(keyOf(folder, "")) && copy !== undefined && copy.idleMs >= UNUSED_MS,
		);
		await Promise.all(unused.map(([key]) => this.#close(key)));
		await nextTurn();
	}

	/** Gives all back. */
	async close(): Promise<void> {
		await Promise.all([...this.#open.keys()].map((key) => this.#close(key)));
	}
}

function isAnother(name: string): OperatorError {
	return new OperatorError(`${quote(name)}: is another one than it was before; begin anew`);
}

/** Whether others may write to it. */
function changes(name: string): boolean {
	return !isOfPast(name) && !isUnfinished(name);
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
async function rangesOf(copy: OpenCopy, question: About<"changes">): Promise<object[]> {
	const { pool } = copy.used;
	const { name, before, beforeId, offsetBytes } = question;
	if (copy.id !== copy.idNow) throw isAnother(name);
	if (beforeId !== undefined && beforeId !== pool.readings.contentId(before)) throw isAnother(before);
	const ranges: object[] = [];
	let bytes = 0;
	for await (const range of changedRanges(pool, before, name, offsetBytes)) {
		ranges.push(range);
		bytes += range.lengthBytes;
		if (ranges.length === MOST_RANGES || bytes >= MOST_RANGES_BYTES) break;
	}
	return ranges;
}
