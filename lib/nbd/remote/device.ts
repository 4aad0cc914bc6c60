/**
 * An export of an NBD server, or a disk at the other end of another kind of line, as a `BlockDevice`. Requests become calls, long ones several; what is complete was answered by the server,
 * and outlives both a connection and a crash of the server up to the next flush, as `session.ts` sees to. Opened by whoever opens disks.
 */

import { randomBytes } from "node:crypto";
import { type CloseEnd, endWithin } from "../../block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../block/device.js";
import { addExtent } from "../../block/extents.js";
import { type DeviceListener, Listeners } from "../../block/listeners.js";
import { type Part, Parts, type Split, type Splitter } from "../../block/parts.js";
import { BlockOp, type BlockRequest } from "../../block/request.js";
import { OperatorError, StorageStatus, unreachable } from "../../errors.js";
import type { ByteStream } from "../../stream/stream.js";
import type { Memory } from "../../wire/memory.js";
import { SECTOR_BYTES } from "../../wire/sector.js";
import { Command, CommandFlag, NbdError, TransmissionFlag } from "../protocol.js";
import type { Agreement, Wish } from "./agree.js";
import { Call, type CallEnd, type CallOwner } from "./call.js";
import { difference, identityOf, infoOf, PIECE_BYTES, rangeAt, statusOf } from "./export-traits.js";
import { nbdConnection } from "./line.js";
import type { SessionOptions, SessionState, SessionUser } from "./options.js";
import { NbdSession } from "./session.js";
import { unlessAborted } from "./unless-aborted.js";

/** Of what has no data. */
const EMPTY_PIECE_BYTES = 128 * 1024 * 1024;
/** Zeros, where the server can't be told to write some. */
const ZEROS_BYTES = 128 * 1024;
const PIECES_AT_ONCE = 8;
/** So that nobody comes upon what somebody else is called by. */
const SESSION_BYTES = 16;
/** For how long `close` waits. */
const CLOSE_LIMIT_MS = 5000;

export interface RemoteOptions extends SessionOptions {
	/** It is not to be changed, though it may be. */
	readonly readOnly: boolean;
	/** When it is closed: gives back what it was reached by. */
	readonly closed?: () => Promise<void>;
	/** It is not wanted any more, while it is being opened: that ends then, and nobody's answer is waited for. */
	readonly signal?: AbortSignal;
	/** It may have another size when it is there again, and go on. Default: it is another disk then. */
	readonly mayBeResized?: boolean;
}

export interface NbdOptions extends Omit<RemoteOptions, "connect">, Omit<Wish, "session"> {
	readonly connect: () => Promise<ByteStream>;
	/** What all its connections are called; default: something that nobody else comes upon. */
	readonly session?: string;
}

export class NbdDevice implements BlockDevice, CallOwner, SessionUser, Splitter<null> {
	readonly #session: NbdSession;
	readonly #options: RemoteOptions;
	readonly #parts = new Parts<null>(this, PIECES_AT_ONCE);
	readonly #listeners = new Listeners();
	#unused: Call | null = null;
	#agreed: Agreement | null = null;
	#info: DeviceInfo = deviceInfo({ sizeBytes: 0 });
	#zeros: Memory | null = null;
	#stalledCalls = 0;
	#closing: Promise<CloseEnd> | null = null;

	private constructor(options: RemoteOptions) {
		this.#options = options;
		this.#session = new NbdSession(options, this);
	}

	/** Connects, or throws an OperatorError that says why that can't be. */
	static open(options: NbdOptions): Promise<NbdDevice> {
		const { intervalMs: limitMs, session = randomBytes(SESSION_BYTES).toString("hex") } = options;
		const line = { ...options, session, limitMs };
		const connect = async () => nbdConnection(await options.connect(), line);
		return NbdDevice.openOn({ ...options, connect });
	}

	/** The same of whatever carries calls. */
	static async openOn(options: RemoteOptions): Promise<NbdDevice> {
		const device = new NbdDevice(options);
		try {
			device.#take(await unlessAborted(device.#session.open(), options.signal));
		} catch (error) {
			await device.close();
			throw error;
		}
		return device;
	}

	#take(agreement: Agreement): void {
		const { minimumBytes, sizeBytes } = agreement;
		if (minimumBytes > SECTOR_BYTES)
			throw new OperatorError(
				`the server takes only requests of whole ${minimumBytes} bytes; at most ${SECTOR_BYTES} are possible here`,
			);
		if (sizeBytes < SECTOR_BYTES)
			throw new OperatorError(`the export has ${sizeBytes} bytes, and no whole sector`);
		this.#agreed = agreement;
		this.#info = infoOf(agreement, this.#options.readOnly);
	}

	get info(): DeviceInfo {
		return this.#info;
	}

	get state(): SessionState {
		return this.#session.state;
	}

	/** Who the disk is, if it was to be said; null: not known. */
	get identity(): { readonly serial: string; readonly wwn: string } | null {
		return this.#agreed && identityOf(this.#agreed);
	}

	differs(now: Agreement): string | null {
		const before = this.#agreed!;
		const isResized = this.#options.mayBeResized === true && now.sizeBytes !== before.sizeBytes;
		const why = difference(isResized ? { ...before, sizeBytes: now.sizeBytes } : before, now);
		if (why !== null) this.#listeners.replaced();
		else if (isResized) {
			this.#agreed = now;
			this.#info = infoOf(now, this.#options.readOnly);
			this.#listeners.changed();
		}
		return why;
	}

	stalled({ request, offsetBytes }: Call, waitedMs: number): void {
		this.#stalledCalls = this.state.waiting;
		this.#listeners.stalled({ op: request?.op ?? BlockOp.flush, offsetBytes, waitedMs });
	}

	resumed(waitedMs: number): void {
		this.#listeners.resumed(waitedMs, this.#stalledCalls);
	}

	submit(request: BlockRequest): void {
		const refused = this.#closing !== null ? StorageStatus.closed : refuse(this.#info, request);
		if (refused !== undefined) request.complete(refused);
		else if (this.#isMore(request)) this.#parts.split(request, null);
		else this.#begin(request);
	}

	/** More than one call. */
	#isMore(request: BlockRequest): boolean {
		if (request.ranges !== null) return true;
		if (request.op === BlockOp.writeZeroes && !this.#has(TransmissionFlag.sendWriteZeroes)) return true;
		return request.op !== BlockOp.extents && request.lengthBytes > this.#pieceBytes(request.op);
	}

	#pieceBytes(op: BlockOp): number {
		const hasData = op === BlockOp.read || op === BlockOp.write;
		return hasData ? Math.min(PIECE_BYTES, this.#agreed!.maximumBytes) : EMPTY_PIECE_BYTES;
	}

	#has(flag: number): boolean {
		return (this.#agreed!.flags & flag) > 0;
	}

	next(split: Split<null>, part: Part<null>): BlockDevice {
		const { whole } = split;
		const isZeros = whole.op === BlockOp.writeZeroes && !this.#has(TransmissionFlag.sendWriteZeroes);
		const most = isZeros ? Math.min(ZEROS_BYTES, this.#agreed!.maximumBytes) : this.#pieceBytes(whole.op);
		const [from, end] =
			whole.ranges === null ? [split.cursor, whole.lengthBytes] : rangeAt(whole, split.cursor);
		const length = Math.min(most, end - from);
		part.take(from, length);
		part.request.mayUnmap = whole.mayUnmap;
		if (isZeros) {
			this.#zeros ??= this.#options.allocate(ZEROS_BYTES);
			part.request.op = BlockOp.write;
			part.request.memory = this.#zeros;
			part.request.memoryOffset = 0;
			part.request.isLent = false;
		}
		split.cursor = from + length;
		split.noMore = split.cursor >= whole.lengthBytes;
		return this;
	}

	#begin(request: BlockRequest): void {
		if (request.lengthBytes === 0 && request.op !== BlockOp.flush) {
			request.complete(StorageStatus.ok);
			return;
		}
		// (Where there is nothing to flush with, what is answered is as safe as the server makes it.)
		if (request.op === BlockOp.flush && !this.#has(TransmissionFlag.sendFlush)) {
			request.complete(StorageStatus.ok);
			return;
		}
		if (request.op === BlockOp.extents && this.#agreed!.allocationContext < 0) {
			addExtent(request, request.lengthBytes, 0);
			request.complete(StorageStatus.ok);
			return;
		}
		request.park();
		const call = this.#unused ?? new Call();
		this.#unused = call.next;
		call.next = null;
		call.owner = this;
		call.request = request;
		call.memory = request.memory;
		call.memoryOffset = request.memoryOffset;
		call.offsetBytes = request.offsetBytes;
		call.lengthBytes = request.lengthBytes;
		this.#fill(call, request);
		this.#session.begin(call);
	}

	#fill(call: Call, request: BlockRequest): void {
		const fua = request.fua && this.#has(TransmissionFlag.sendFua) ? CommandFlag.fua : 0;
		call.flags = 0;
		switch (request.op) {
			case BlockOp.read:
				call.command = Command.read;
				break;
			case BlockOp.write:
				call.command = Command.write;
				call.flags = fua;
				break;
			case BlockOp.flush:
				call.command = Command.flush;
				call.offsetBytes = 0;
				call.lengthBytes = 0;
				break;
			// (What is trimmed reads as zeros afterwards, which NBD promises of nothing else.)
			case BlockOp.trim:
				call.command = this.#agreed!.trimmedIsZero ? Command.trim : Command.writeZeroes;
				break;
			case BlockOp.writeZeroes:
				call.command = Command.writeZeroes;
				call.flags = fua | (request.mayUnmap ? 0 : CommandFlag.noHole);
				break;
			case BlockOp.extents:
				call.command = Command.blockStatus;
				call.lengthBytes = Math.min(request.lengthBytes, EMPTY_PIECE_BYTES);
				break;
			default:
				unreachable(request.op);
		}
	}

	over(call: Call, end: CallEnd): void {
		const request = call.request!;
		const isForced = request.fua && call.command !== Command.flush && (call.flags & CommandFlag.fua) === 0;
		if (end === NbdError.none && isForced && this.#has(TransmissionFlag.sendFlush)) {
			call.command = Command.flush;
			call.offsetBytes = 0;
			call.lengthBytes = 0;
			this.#session.begin(call);
			return;
		}
		call.request = null;
		call.owner = null;
		call.next = this.#unused;
		this.#unused = call;
		request.synced = request.fua && end === NbdError.none;
		if (end === NbdError.none) request.complete(StorageStatus.ok);
		else request.complete(...statusOf(end, request.op));
	}

	/** What a server answers is stable when it says so: there is no cache that could be switched. */
	setWriteCache(enabled: boolean): boolean {
		return enabled && this.#info.writeCache;
	}

	cancel(request: BlockRequest): void {
		const call = this.#session.callOf(request);
		if (call === null) return;
		const isHalfDone = call.command === Command.flush && request.op !== BlockOp.flush;
		if (isHalfDone || !this.#session.cancel(call)) return;
		call.request = null;
		call.next = this.#unused;
		this.#unused = call;
		request.complete(StorageStatus.cancelled);
	}

	listen(listener: DeviceListener): () => void {
		return this.#listeners.add(listener);
	}

	close(limitMs = CLOSE_LIMIT_MS): Promise<CloseEnd> {
		this.#closing ??= this.#close(limitMs);
		return endWithin(this.#closing, limitMs);
	}

	async #close(limitMs: number): Promise<CloseEnd> {
		const isDone = await this.#session.close(limitMs);
		await this.#options.closed?.();
		return isDone ? "closed" : "abandoned";
	}
}
