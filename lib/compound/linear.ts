/**
 * Devices one behind the other, as one device: the first byte of each follows the last one of the one before. What lies in one of them is handed
 * on as it is; what crosses a border is done in parts (`lib/block/parts.ts`), and fails where the first of them has failed. A flush
 * is for all of them. Each device has its place from the beginning, whatever becomes of its size: only the last one may grow. Made by
 * `lib/daemon/openers.ts`, with an `OrderingLayer` on top of it.
 */

import { type CloseEnd, endWithin } from "../block/close.js";
import { type BlockDevice, type DeviceInfo, refuse } from "../block/device.js";
import { type DeviceListener, Listeners } from "../block/listeners.js";
import { type Part, Parts, type Split, type Splitter } from "../block/parts.js";
import { BlockOp, type BlockRequest, type RequestLayer } from "../block/request.js";
import { UnderWay } from "../block/under-way.js";
import { invariant, OperatorError, StorageStatus } from "../errors.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { joinedInfo } from "./linear-info.js";

/** Parts of one request that may be under way: a flush asks so many at once. */
const PARTS_AT_ONCE = 16;
/** The token of a request that is done in parts. */
const IN_PARTS = -1;

/** A device, and how much of it counts. */
export interface LinearMember {
	/** For messages. */
	readonly name: string;
	readonly device: BlockDevice;
	/** Its length since it was first a part of this; undefined: all that it has now. Of the last one it does not matter. */
	readonly lengthBytes?: number | undefined;
}

export interface LinearOptions {
	/** One that is not the last has more bytes than it had: they are not used. */
	readonly onGrown?: (name: string, usedBytes: number, sizeBytes: number) => void;
}

/** Where a member lies. */
export interface LinearPlace {
	readonly name: string;
	readonly offsetBytes: number;
	readonly sizeBytes: number;
}

export class LinearDevice implements BlockDevice, RequestLayer, Splitter<null> {
	readonly #names: readonly string[];
	readonly #devices: readonly BlockDevice[];
	/** Where each begins, and behind them where the last one ends. */
	readonly #starts: Float64Array;
	readonly #options: LinearOptions;
	readonly #listeners = new Listeners();
	readonly #parts = new Parts<null>(this, PARTS_AT_ONCE);
	readonly #shortened = new Shortened();
	readonly #stopListening: readonly (() => void)[];
	#info: DeviceInfo;
	readonly #underWay = new UnderWay();
	#closing: Promise<CloseEnd> | null = null;
	/** Until it comes back. */
	#cancelled: BlockRequest | null = null;

	/** Of at least one. Throws an OperatorError if one is shorter than it was. They are closed with this one. */
	constructor(members: readonly LinearMember[], options: LinearOptions = {}) {
		invariant(members.length > 0, "a linear device of nothing");
		this.#names = members.map(({ name }) => name);
		this.#devices = members.map(({ device }) => device);
		this.#options = options;
		this.#starts = new Float64Array(members.length + 1);
		for (const [index, member] of members.entries())
			this.#starts[index + 1] = this.#starts[index]! + lengthOf(member, index === members.length - 1);
		this.#info = joinedInfo(this.#devices, this.#starts);
		this.#stopListening = this.#devices.map((device, index) => device.listen(this.#listenerTo(index)));
		for (const index of this.#devices.keys()) this.#tellIfGrown(index);
	}

	get info(): DeviceInfo {
		return this.#info;
	}

	/** Where each of them lies. */
	get places(): LinearPlace[] {
		return this.#names.map((name, index) => ({
			name,
			offsetBytes: this.#starts[index]!,
			sizeBytes: this.#starts[index + 1]! - this.#starts[index]!,
		}));
	}

	/** What one of them does wrong it tells for itself, to those who look after it; here only its size matters. */
	#listenerTo(index: number): DeviceListener {
		return {
			changed: () => {
				if (index === this.#devices.length - 1) this.#follow();
				else this.#tellIfGrown(index);
			},
		};
	}

	#follow(): void {
		const last = this.#devices.length - 1;
		this.#starts[last + 1] = this.#starts[last]! + wholeSectors(this.#devices[last]!.info.sizeBytes);
		this.#refresh();
		this.#listeners.changed();
	}

	#tellIfGrown(index: number): void {
		if (index === this.#devices.length - 1) return;
		const used = this.#starts[index + 1]! - this.#starts[index]!;
		const { sizeBytes } = this.#devices[index]!.info;
		if (wholeSectors(sizeBytes) > used) this.#options.onGrown?.(this.#names[index]!, used, sizeBytes);
	}

	#refresh(): void {
		this.#info = joinedInfo(this.#devices, this.#starts);
	}

	submit(request: BlockRequest): void {
		const refused = this.#closing !== null ? StorageStatus.closed : refuse(this.#info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		this.#underWay.begun();
		const { op, offsetBytes, lengthBytes } = request;
		if (op === BlockOp.flush) {
			if (this.#devices.length === 1) this.#handOn(request, 0);
			else this.#split(request);
			return;
		}
		const index = this.#memberAt(offsetBytes);
		const left = this.#starts[index + 1]! - offsetBytes;
		if (lengthBytes <= left) this.#handOn(request, index);
		else if (op === BlockOp.extents) this.#begin(request, index, left);
		else this.#split(request);
	}

	#handOn(request: BlockRequest, index: number): void {
		request.push(this, index);
		this.#move(request, -this.#starts[index]!);
		this.#devices[index]!.submit(request);
	}

	/** The answer may end before the range does: what is behind this one is asked for once more. */
	#begin(request: BlockRequest, index: number, lengthBytes: number): void {
		request.push(this, index);
		request.push(this.#shortened, request.lengthBytes);
		request.lengthBytes = lengthBytes;
		this.#move(request, -this.#starts[index]!);
		this.#devices[index]!.submit(request);
	}

	#split(request: BlockRequest): void {
		request.push(this, IN_PARTS);
		this.#parts.split(request, null);
	}

	#move(request: BlockRequest, bytes: number): void {
		request.offsetBytes += bytes;
		const { ranges } = request;
		if (ranges !== null) for (let at = 0; at < ranges.length; at += 2) ranges[at]! += bytes;
	}

	below(request: BlockRequest, token: number): void {
		if (this.#cancelled === request) this.#cancelled = null;
		if (token !== IN_PARTS) {
			const start = this.#starts[token]!;
			this.#move(request, start);
			if (request.status !== StorageStatus.ok) request.failedOffsetBytes += start;
		}
		this.#underWay.ended();
		request.resume();
	}

	/** Called by `Parts`. */
	next(split: Split<null>, part: Part<null>): BlockDevice {
		const { whole } = split;
		if (whole.op === BlockOp.flush) return this.#nextFlush(split, part);
		// How far it has been parted, as a place of the whole.
		const from =
			whole.ranges === null ? whole.offsetBytes + split.cursor : nextIn(whole.ranges, whole, split);
		const index = this.#memberAt(from);
		const end = whole.ranges === null ? whole.offsetBytes + whole.lengthBytes : endIn(whole.ranges, from);
		const until = Math.min(end, this.#starts[index + 1]!);
		part.take(from - whole.offsetBytes, until - from);
		part.request.offsetBytes = from - this.#starts[index]!;
		split.cursor = until - whole.offsetBytes;
		split.noMore = split.cursor >= whole.lengthBytes;
		return this.#devices[index]!;
	}

	#nextFlush(split: Split<null>, part: Part<null>): BlockDevice {
		part.take(0, 0);
		const device = this.#devices[split.cursor]!;
		split.cursor++;
		split.noMore = split.cursor === this.#devices.length;
		return device;
	}

	/** Which one has that byte; the last one, if it is behind all. */
	#memberAt(offsetBytes: number): number {
		let low = 0;
		let high = this.#devices.length - 1;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if (offsetBytes < this.#starts[middle + 1]!) high = middle;
			else low = middle + 1;
		}
		return low;
	}

	/** What all of them make of it. */
	setWriteCache(enabled: boolean): boolean {
		for (const device of this.#devices) device.setWriteCache(enabled);
		const { writeCache } = this.#info;
		this.#refresh();
		if (this.#info.writeCache !== writeCache) this.#listeners.changed();
		return this.#info.writeCache === enabled;
	}

	/** One that is done in parts has begun. */
	cancel(request: BlockRequest): void {
		this.#cancelled = request;
		for (const device of this.#devices) {
			device.cancel(request);
			// It is back, and its owner may have begun it anew.
			if (this.#cancelled === null) return;
		}
		this.#cancelled = null;
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	close(limitMs = Infinity): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder();
		return endWithin(this.#closing, limitMs);
	}

	async #closeInOrder(): Promise<CloseEnd> {
		if (this.#underWay.count > 0) await this.#underWay.none();
		for (const stop of this.#stopListening) stop();
		const ends = await Promise.all(this.#devices.map((device) => device.close(Infinity)));
		return ends.find((end) => end === "abandoned") ?? "closed";
	}
}

/** Gives a request its own length back, which is the token. */
class Shortened implements RequestLayer {
	below(request: BlockRequest, token: number): void {
		request.lengthBytes = token;
		request.resume();
	}
}

function wholeSectors(bytes: number): number {
	return bytes - (bytes % SECTOR_BYTES);
}

/** Throws an OperatorError if it has become shorter, for then what follows would be elsewhere. */
function lengthOf({ name, device, lengthBytes }: LinearMember, isLast: boolean): number {
	const sizeBytes = wholeSectors(device.info.sizeBytes);
	if (isLast || lengthBytes === undefined) return sizeBytes;
	if (lengthBytes <= sizeBytes) return lengthBytes;
	throw new OperatorError(
		`its disk ${name} has ${sizeBytes} bytes, and had ${lengthBytes}: what follows it would not be where it was`,
	);
}

/** The first byte at or behind the cursor that a list of ranges has; it has one. */
function nextIn(ranges: Float64Array, whole: BlockRequest, split: Split<null>): number {
	const cursor = whole.offsetBytes + split.cursor;
	const at = rangeAt(ranges, cursor);
	return Math.max(cursor, ranges[at]!);
}

/** Where the range ends that has this byte. */
function endIn(ranges: Float64Array, byte: number): number {
	const at = rangeAt(ranges, byte);
	return ranges[at]! + ranges[at + 1]!;
}

/** Where in the list the first range is that ends behind this byte. */
function rangeAt(ranges: Float64Array, byte: number): number {
	let low = 0;
	let high = ranges.length / 2 - 1;
	while (low < high) {
		const middle = (low + high) >>> 1;
		if (ranges[2 * middle]! + ranges[2 * middle + 1]! > byte) high = middle;
		else low = middle + 1;
	}
	return 2 * low;
}
