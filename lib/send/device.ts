/**
 * A device, a pool's volume above all, as something to copy from and to: extents out, extents in. Requests that fail end as an error of one
 * line. Used by whoever imports, exports, sends and receives.
 */

import { type BlockDevice, PromisedRequest } from "../block/device.js";
import { ExtentFlag } from "../block/extents.js";
import { errnoText } from "../block/failure-text.js";
import { BlockOp } from "../block/request.js";
import { FailedError, invariant, StorageStatus, storageStatusText } from "../errors.js";
import { DATA_EXTENT_BYTES, dataLength, type Extent, NO_BYTES } from "../image/extent.js";
import { nativeMemory } from "../native.js";
import { quote } from "../text.js";

/** What is asked for at once, of how a range is made up. */
const RUNS_MAX = 512;
const RUNS_BYTES = 2 ** 40;
/** Writes under way at a time. */
const WRITES = 4;

/** A part of a device, which has data or reads as zeros. */
export type DeviceRun = Omit<Extent, "bytes">;

/** Does a request; throws a FailedError that says what could not be done, and where. */
async function carryOut(
	asked: PromisedRequest,
	device: BlockDevice,
	name: string,
	what: string,
): Promise<void> {
	const { status, errno, failedOffsetBytes } = await asked.run(device);
	if (status === StorageStatus.ok) return;
	const why = errno === 0 ? storageStatusText(status) : errnoText(errno);
	throw new FailedError(`${quote(name)}: at byte ${failedOffsetBytes}: can't be ${what} (${why})`);
}

export class DeviceReader {
	readonly #device: BlockDevice;
	readonly #name: string;
	readonly #asked = new PromisedRequest();

	constructor(device: BlockDevice, name: string) {
		this.#device = device;
		this.#name = name;
		this.#asked.request.extents = new Float64Array(2 * RUNS_MAX);
	}

	/** What a range consists of, in order. */
	async *runs(begin: number, end: number): AsyncGenerator<DeviceRun> {
		for (let offset = begin; offset < end; ) {
			const { request } = this.#asked;
			fill(this.#asked, BlockOp.extents, offset, Math.min(end - offset, RUNS_BYTES));
			await carryOut(this.#asked, this.#device, this.#name, "read");
			// Others may be asked for while these are handed on.
			const found = request.extents?.slice(0, 2 * request.extentCount) ?? [];
			invariant(found.length > 0, "a device that knows of no extents");
			for (let i = 0; i < found.length; i += 2) {
				const kind = found[i + 1]! & ExtentFlag.zero ? "hole" : "data";
				yield { kind, offsetBytes: offset, lengthBytes: found[i]! };
				offset += found[i]!;
			}
		}
	}

	/** The same with bytes, which are there until the next extent is asked for. */
	async *extents(begin: number, end: number): AsyncGenerator<Extent> {
		const asked = new PromisedRequest();
		asked.request.memory = nativeMemory(DATA_EXTENT_BYTES);
		for await (const run of this.runs(begin, end)) {
			if (run.kind !== "data") {
				yield { ...run, bytes: NO_BYTES };
				continue;
			}
			const runEnd = run.offsetBytes + run.lengthBytes;
			for (let offset = run.offsetBytes; offset < runEnd; ) {
				const lengthBytes = dataLength(offset, runEnd);
				fill(asked, BlockOp.read, offset, lengthBytes);
				await carryOut(asked, this.#device, this.#name, "read");
				const bytes = asked.request.memory.bytes.subarray(0, lengthBytes);
				yield { kind: "data", offsetBytes: offset, lengthBytes, bytes };
				offset += lengthBytes;
			}
		}
	}
}

function fill({ request }: PromisedRequest, op: BlockOp, offset: number, length: number): void {
	request.op = op;
	request.offsetBytes = offset;
	request.lengthBytes = length;
}

/** Takes extents in order, and writes some at a time: in the order in which they came, as far as the device keeps one. */
export class DeviceWriter {
	readonly #device: BlockDevice;
	readonly #name: string;
	readonly #idle: PromisedRequest[] = [];
	/** Those that are under way, oldest first. */
	#underWay: { asked: PromisedRequest; over: Promise<void> }[] = [];

	constructor(device: BlockDevice, name: string) {
		this.#device = device;
		this.#name = name;
		for (let i = 0; i < WRITES; i++) {
			const asked = new PromisedRequest();
			asked.request.memory = nativeMemory(DATA_EXTENT_BYTES);
			asked.request.mayUnmap = true;
			this.#idle.push(asked);
		}
	}

	/** A hole was never written here either; what is said to be zeros may not have been zeros before. */
	async put({ kind, offsetBytes, lengthBytes, bytes }: Extent): Promise<void> {
		if (kind === "hole") return;
		const asked = this.#idle.pop() ?? (await this.#oldest());
		asked.request.memory.bytes.set(bytes);
		this.#start(asked, kind === "data" ? BlockOp.write : BlockOp.writeZeroes, offsetBytes, lengthBytes);
	}

	/** All that has been put is on stable storage afterwards. */
	async sync(): Promise<void> {
		while (this.#underWay.length > 0) this.#idle.push(await this.#oldest());
		const flush = this.#idle[0]!;
		fill(flush, BlockOp.flush, 0, 0);
		await carryOut(flush, this.#device, this.#name, "written");
	}

	#start(asked: PromisedRequest, op: BlockOp, offset: number, length: number): void {
		fill(asked, op, offset, length);
		const over = carryOut(asked, this.#device, this.#name, "written");
		// Who waits for it hears of it; nobody may.
		over.catch(() => undefined);
		this.#underWay.push({ asked, over });
	}

	/** Waits for the one that has been under way for longest. */
	async #oldest(): Promise<PromisedRequest> {
		const [first] = this.#underWay;
		await first!.over;
		this.#underWay.shift();
		return first!.asked;
	}
}
