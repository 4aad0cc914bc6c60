/**
 * A device under test by `block-conformance.ts`: makes requests for it, lends and guards their memory, counts
 * completions. Every request made here must complete exactly once by the time `end` is called.
 */

import type { BlockDevice } from "../block/device.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { StorageStatus } from "../errors.js";
import type { Random } from "../random.js";
import { heapMemory, type Memory } from "../wire/memory.js";
import type { BlockAssertions, BlockSuiteOptions } from "./block-conformance-options.js";
import { ChainedWrite, Probe, ProbeGuard, withinLimit } from "./block-conformance-probe.js";

const SECTOR = 512;
/**
 * Before and after the memory of a request, to see whether it is overrun. An odd number, as data in a frame
 * is not aligned.
 */
const GUARD_BYTES = 36;
const GUARD = 0xa5;

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
		const probe = new Probe((over) => this.#over(over));
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

	/** Writes what `allows` makes of what is there; undefined: nothing is written. */
	guardedWrite(
		offsetBytes: number,
		lengthBytes: number,
		allows: (there: Uint8Array) => Uint8Array | undefined,
	): Promise<StorageStatus> {
		const probe = this.#probe(BlockOp.write, offsetBytes, lengthBytes);
		const { request } = probe;
		request.memory = this.#allocate(lengthBytes);
		request.memoryOffset = GUARD_BYTES;
		request.guard = new ProbeGuard(this.#allocate(lengthBytes), GUARD_BYTES, allows);
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
		request.anotherCopy = this.random.chance(0.1) ? 1 + this.random.below(3) : 0;
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

	/** Before anything else may touch the storage. */
	#over(request: BlockRequest): void {
		this.open--;
		if (request.borrowedAddress !== 0) this.#copyBorrowed(request);
	}

	#copyBorrowed(request: BlockRequest): void {
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

	writeZeroes(
		offsetBytes: number,
		lengthBytes: number,
		how: { mayUnmap?: boolean; fua?: boolean } = {},
	): Promise<StorageStatus> {
		const probe = this.#probe(BlockOp.writeZeroes, offsetBytes, lengthBytes);
		probe.request.mayUnmap = how.mayUnmap ?? false;
		probe.request.fua = how.fua ?? false;
		return this.#submit(probe);
	}

	/** Pairs of length and flags, as many as there are and at most `room`; a status if it failed. */
	async extents(offsetBytes: number, lengthBytes: number, room: number): Promise<number[] | StorageStatus> {
		const probe = this.#probe(BlockOp.extents, offsetBytes, lengthBytes);
		probe.request.extents = new Float64Array(2 * room).fill(-1);
		const status = await this.#submit(probe);
		if (status !== StorageStatus.ok) return status;
		return [...probe.request.extents.subarray(0, 2 * probe.request.extentCount)];
	}

	/** Submits writes of `bytes` at these offsets, cancels those that `which` says, and how they all ended. */
	async cancelled(
		offsets: readonly number[],
		bytes: Uint8Array,
		which: (index: number) => boolean,
	): Promise<StorageStatus[]> {
		const probes = offsets.map((offset) => {
			const probe = this.#probe(BlockOp.write, offset, bytes.length);
			probe.request.memory = this.#allocate(bytes.length);
			probe.request.memoryOffset = GUARD_BYTES;
			probe.request.memory.bytes.set(bytes, GUARD_BYTES);
			return probe;
		});
		const statuses = probes.map((probe) => this.#submit(probe));
		for (const [index, probe] of probes.entries()) if (which(index)) this.device.cancel(probe.request);
		return Promise.all(statuses);
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
		if (kind === 3) {
			model.fill(0, at, end);
			return this.writeZeroes(at, end - at, { mayUnmap: random.chance(0.5) }).then(check);
		}
		if (kind <= 6) {
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
