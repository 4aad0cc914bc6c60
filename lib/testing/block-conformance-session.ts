/**
 * A device under test by `block-conformance.ts`: makes requests for it, lends and guards their memory, counts
 * completions. Every request made here must complete exactly once by the time `end` is called.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp, BlockRequest, type RequestOwner } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { Pump } from "../pump.js";
import type { Random } from "../random.js";
import { heapMemory, type Memory } from "../wire/memory.js";

export interface BlockAssertions {
	equal(found: unknown, wanted: unknown, message: string): unknown;
	ok(value: unknown, message: string): unknown;
	/** Deep equality. */
	same(found: unknown, wanted: unknown, message: string): unknown;
}

export interface BlockSuiteOptions {
	/** Makes the device in its read-only form, all zeros, if it has one. */
	readonly makeReadOnly?: () => BlockDevice | Promise<BlockDevice>;
	/** What drains the device's queue. Without one, `submit` itself must have taken a write's bytes. */
	readonly pump?: Pump;
	/** Memory for requests: a device in C needs some with an address. The heap's, unless said. */
	readonly allocate?: (byteLength: number) => Memory;
	/** The bytes at an address that a read was answered with. Without it, no read may borrow. */
	readonly borrowed?: (address: number, lengthBytes: number) => Uint8Array;
	/** The device promises that overlapping requests take effect in order of arrival. */
	readonly ordered?: boolean;
	/** For the random operations. Another one each time, unless said; printed with each test. */
	readonly seed?: number;
	/**
	 * Waits for a promise (a virtual clock has to be told to go on). Unless said, for ten seconds at most.
	 */
	readonly wait?: <T>(promise: Promise<T>) => Promise<T>;
}

const SECTOR = 512;
const LIMIT_MS = 10_000;
/**
 * Before and after the memory of a request, to see whether it is overrun. An odd number, as data in a frame
 * is not aligned.
 */
const GUARD_BYTES = 36;
const GUARD = 0xa5;

/** One request, used once. */
class Probe implements RequestOwner {
	readonly request = new BlockRequest(this);
	completions = 0;
	readonly done: Promise<void>;
	#resolve: () => void = () => {};

	constructor(readonly session: Session) {
		this.done = new Promise((resolve) => {
			this.#resolve = resolve;
		});
	}

	finished(request: BlockRequest): void {
		this.completions++;
		this.session.open--;
		// Before anything else may touch the storage.
		if (request.borrowedAddress !== 0) this.session.copyBorrowed(request);
		this.#resolve();
	}
}

/** A write that submits itself again when it is complete, to the same place. */
class ChainedWrite implements RequestOwner {
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

export class Session {
	/** Requests that are not complete. */
	open = 0;
	readonly #probes: Probe[] = [];
	#lent: Memory[] = [];

	constructor(
		readonly t: BlockAssertions,
		readonly device: BlockDevice,
		readonly options: BlockSuiteOptions,
		readonly random: Random,
	) {}

	/** Random bytes. */
	pattern(lengthBytes: number): Uint8Array {
		const bytes = new Uint8Array(lengthBytes);
		for (let i = 0; i < lengthBytes; i++) bytes[i] = this.random.below(256);
		return bytes;
	}

	wait<T>(promise: Promise<T>): Promise<T> {
		return this.options.wait?.(promise) ?? withinLimit(promise);
	}

	#allocate(lengthBytes: number): Memory {
		const memory = (this.options.allocate ?? heapMemory)(lengthBytes + 2 * GUARD_BYTES);
		memory.bytes.fill(GUARD);
		return memory;
	}

	#probe(op: BlockOp, offsetBytes: number, lengthBytes: number): Probe {
		const probe = new Probe(this);
		const { request } = probe;
		request.op = op;
		request.offsetBytes = offsetBytes;
		request.lengthBytes = lengthBytes;
		this.#probes.push(probe);
		return probe;
	}

	async #submit(probe: Probe): Promise<StorageStatus> {
		this.open++;
		this.device.submit(probe.request.begin());
		await this.wait(probe.done);
		return probe.request.status;
	}

	/**
	 * `lend`: the bytes are given as those of a frame are, until `takeBack`, with room to park them;
	 * otherwise they stay valid until the write is complete.
	 */
	write(
		offsetBytes: number,
		bytes: Uint8Array,
		how: { fua?: boolean; lend?: boolean } = {},
	): Promise<StorageStatus> {
		const probe = this.#probe(BlockOp.write, offsetBytes, bytes.length);
		const { request } = probe;
		request.fua = how.fua ?? false;
		request.memory = this.#allocate(bytes.length);
		request.memoryOffset = GUARD_BYTES;
		request.memory.bytes.set(bytes, GUARD_BYTES);
		if (how.lend) {
			this.#lent.push(request.memory);
			request.isLent = true;
			request.room = this.#allocate(bytes.length);
			request.roomOffset = GUARD_BYTES;
		}
		return this.#submit(probe);
	}

	/** Runs the pump and then overwrites what was lent. */
	takeBack(): void {
		this.options.pump?.run();
		for (const memory of this.#lent) memory.bytes.fill(GUARD);
		this.#lent = [];
	}

	/** Reads into nowhere in particular. */
	async read(offsetBytes: number, lengthBytes: number): Promise<StorageStatus> {
		return (await this.#read(offsetBytes, lengthBytes)).status;
	}

	async #read(offsetBytes: number, lengthBytes: number): Promise<BlockRequest> {
		const probe = this.#probe(BlockOp.read, offsetBytes, lengthBytes);
		const { request } = probe;
		request.mayBorrow = this.options.borrowed !== undefined && this.random.chance(0.5);
		const memory = this.#allocate(lengthBytes);
		request.memory = memory;
		request.memoryOffset = GUARD_BYTES;
		await this.#submit(probe);
		const isGuard = (byte: number): boolean => byte === GUARD;
		const { bytes } = memory;
		if (
			!bytes.subarray(0, GUARD_BYTES).every(isGuard) ||
			!bytes.subarray(GUARD_BYTES + lengthBytes).every(isGuard)
		)
			this.t.ok(false, `a read of ${lengthBytes} at ${offsetBytes} wrote outside its memory`);
		return request;
	}

	copyBorrowed(request: BlockRequest): void {
		if (!request.mayBorrow || this.options.borrowed === undefined)
			this.t.ok(false, "a read borrowed without leave");
		else
			request.memory.bytes.set(
				this.options.borrowed(request.borrowedAddress, request.lengthBytes),
				request.memoryOffset,
			);
	}

	/**
	 * Reads and compares: the index of the first byte that is not as `wanted`, -1 if all are, NaN if the read
	 * failed.
	 */
	async differsAt(offsetBytes: number, wanted: Uint8Array): Promise<number> {
		const { status, memory, memoryOffset } = await this.#read(offsetBytes, wanted.length);
		if (status !== StorageStatus.ok) return Number.NaN;
		const { bytes } = memory;
		for (let i = 0; i < wanted.length; i++) if (bytes[memoryOffset + i] !== wanted[i]) return i;
		return -1;
	}

	trim(offsetBytes: number, lengthBytes: number): Promise<StorageStatus> {
		return this.#submit(this.#probe(BlockOp.trim, offsetBytes, lengthBytes));
	}

	/** Trims a list of ranges, pairs of offset and length in ascending order, by one request. */
	trimList(pairs: readonly (readonly [number, number])[]): Promise<StorageStatus> {
		const [first, last] = [pairs[0], pairs.at(-1)];
		if (first === undefined || last === undefined) throw new RangeError("a list without ranges");
		const probe = this.#probe(BlockOp.trim, first[0], last[0] + last[1] - first[0]);
		probe.request.ranges = Float64Array.from(pairs.flat());
		return this.#submit(probe);
	}

	flush(): Promise<StorageStatus> {
		return this.#submit(this.#probe(BlockOp.flush, 0, 0));
	}

	/** A request without memory, that must be refused. */
	bare(op: BlockOp, offsetBytes: number, lengthBytes: number): Promise<StorageStatus> {
		return this.#submit(this.#probe(op, offsetBytes, lengthBytes));
	}

	/**
	 * Uses `count` writes `times` times each, every time from its own completion; how often each of them
	 * completed.
	 */
	async chains(count: number, times: number): Promise<number[]> {
		const writes: ChainedWrite[] = [];
		const over: Promise<void>[] = [];
		for (let i = 0; i < count; i++)
			over.push(
				new Promise((resolve) => {
					const write = new ChainedWrite(this.device, times, resolve);
					const { request } = write;
					request.op = BlockOp.write;
					request.offsetBytes = i * SECTOR;
					request.lengthBytes = SECTOR;
					request.memory = this.#allocate(SECTOR);
					writes.push(write);
				}),
			);
		for (const write of writes) this.device.submit(write.request.begin());
		await this.wait(Promise.all(over));
		return writes.map((write) => write.completions);
	}

	/**
	 * Submits a random operation within `lengthBytes` at `start`, of at most `maxSectors`, and does the same
	 * to `model` at once. Resolves with what went wrong, if something did.
	 */
	randomOperation(
		model: Uint8Array,
		start: number,
		lengthBytes: number,
		maxSectors: number,
	): Promise<string | undefined> {
		const { random } = this;
		const count = 1 + random.below(Math.min(maxSectors, lengthBytes / SECTOR));
		const at = start + random.below(lengthBytes / SECTOR - count + 1) * SECTOR;
		const end = at + count * SECTOR;
		const kind = random.below(10);
		const what = `${count} sectors at ${at}`;
		const check = (status: StorageStatus): string | undefined =>
			status === StorageStatus.ok ? undefined : `${what}: status ${status}`;
		if (kind === 0) return this.flush().then(check);
		if (kind === 1 && count > 2 && this.device.info.canTrim) {
			// All but a sector in the middle.
			const hole = at + SECTOR * (1 + random.below(count - 2));
			const pairs = [[at, hole - at] as const, [hole + SECTOR, end - hole - SECTOR] as const];
			for (const [offset, length] of pairs) model.fill(0, offset, offset + length);
			return this.trimList(pairs).then(check);
		}
		if (kind <= 2 && this.device.info.canTrim) {
			model.fill(0, at, end);
			return this.trim(at, end - at).then(check);
		}
		if (kind <= 5) {
			const bytes = this.pattern(end - at);
			model.set(bytes, at);
			return this.write(at, bytes).then(check);
		}
		return this.differsAt(at, model.slice(at, end)).then((index) =>
			index === -1 ? undefined : `read of ${what} differs at byte ${index}`,
		);
	}

	/** Closes the device; every request must have completed once by now. */
	async end(): Promise<void> {
		await this.wait(this.device.close());
		const wrong = this.#probes.filter((probe) => probe.completions !== 1).length;
		this.t.equal(wrong, 0, "every request has completed exactly once");
	}
}

async function withinLimit<T>(promise: Promise<T>): Promise<T> {
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
