/**
 * The log of a pool: takes what volumes change, gathers it to records, and writes one record at a time, so that one sync serves all
 * who wait for it. While a record is on its way the next one is gathered. Made by `pool.ts` of what `replay.ts` has found; volumes
 * (`volume-device.ts`) put into `gather` what has room, and wait for room.
 *
 * After a write or sync that failed nothing is written any more and nothing is reported as safe: what is on storage is unknown.
 * Reads go on; what was on its way is read from memory.
 */

import { Listeners } from "../block/listeners.js";
import type { BlockRequest } from "../block/request.js";
import { completeAll, RequestList } from "../block/request-list.js";
import { StorageStatus } from "../errors.js";
import type { PumpStage } from "../pump.js";
import type { Memory } from "../wire/memory.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { PoolWorld } from "./folder.js";
import { SEGMENT_SECTORS } from "./format.js";
import { type EntrySink, Gather } from "./gather.js";
import { LogCompany } from "./log-company.js";
import { LogCursor, type LogEnd } from "./log-cursor.js";
import { Refusal, WriteRoom } from "./log-room.js";
import { LogWriter, type WriterOwner } from "./log-writer.js";
import { NextSlot } from "./next-slot.js";
import { ENTRY_BYTES, RecordKind } from "./record.js";
import { type RoomWaiter, RoomWaiters } from "./room-waiters.js";
import type { Segments } from "./segments.js";
import { NO_SLOT } from "./space/slots.js";
import type { Summary } from "./summary.js";

/** What a record does. Its entries count when it is on its way. */
export interface RecordSink extends EntrySink {
	/** It can't take the entries of one more record. */
	readonly isFull: boolean;
	/** After all entries. The record begins and ends at these positions. */
	notes(notes: readonly Uint8Array[], position: number, end: number, timeUs: number): void;
}

const Step = { idle: 0, writing: 1, syncing: 2, sealing: 3, waitingForSlot: 4, failed: 5 } as const;
type Step = (typeof Step)[keyof typeof Step];

export class Log implements PumpStage, WriterOwner {
	readonly listeners = new Listeners();
	/** The map is full and can't be stored: nothing is taken until that is over. */
	isMapStuck = false;
	readonly room: WriteRoom;
	/** Takes what comes. */
	gather: Gather;
	readonly #world: PoolWorld;
	readonly #segments: Segments;
	readonly #sink: RecordSink;
	/** Of the segment that is being filled. */
	readonly #summary: Summary;
	readonly #next: NextSlot;
	readonly #writer = new LogWriter(this);
	/** On its way, or the last one that was: what it holds is read from memory until the next one is sent. */
	#flying: Gather;
	#step: Step = Step.idle;
	readonly #roomWaiters = new RoomWaiters();
	/** Those who wait for a sync of what is written already. */
	readonly #syncWaiters = new RequestList();
	readonly #refusal = new Refusal();
	readonly #company: LogCompany;
	/** Who found no room lately would find none in a segment more. */
	#lacksSpace = false;
	/** Where it has got to, and the last record that is written. */
	readonly cursor: LogCursor;
	#written: number;

	constructor(world: PoolWorld, segments: Segments, sink: RecordSink, summary: Summary, end: LogEnd) {
		this.room = new WriteRoom(segments.slots);
		this.#world = world;
		this.#segments = segments;
		this.#sink = sink;
		this.#summary = summary;
		this.cursor = new LogCursor(end);
		this.#written = end.sequence;
		this.gather = new Gather(world.allocate(Gather.memoryBytes));
		this.#flying = new Gather(world.allocate(Gather.memoryBytes));
		for (const record of [this.gather, this.#flying]) record.begin(end.position);
		this.#next = new NextSlot(segments, this.cursor, this.room, world.allocate);
		this.#company = new LogCompany(world, () => this.gather.stableWaiters.length);
		world.pump.addStorage(this);
	}

	/** The segment that is being filled. */
	get segment(): number {
		return Math.floor(this.gather.position / SEGMENT_SECTORS);
	}

	/** What is on storage is unknown: nothing is written any more. */
	get hasFailed(): boolean {
		return this.#step === Step.failed;
	}

	/** Why a change that comes now is refused; ok if it is not. Where there was no space it is looked for again: who asks then waits for that. */
	refuses(): StorageStatus {
		if (this.isMapStuck && !this.hasFailed) return StorageStatus.noSpace;
		if (this.#step === Step.idle && this.#refusal.mayRetry(this.#world.now())) {
			this.#refusal.status = StorageStatus.ok;
			this.#seal();
		}
		return this.#refusal.status;
	}

	get errno(): number {
		return this.#refusal.errno;
	}

	/** The record that has this position and is read from memory, if one does. */
	flyingAt(position: number): Gather | null {
		return position >= this.#flying.position ? this.#flying : null;
	}

	/** Whether so much has room in the record that is being gathered. */
	fits(entries: number, sectors: number, noteBytes: number): boolean {
		const { gather } = this;
		this.#lacksSpace = sectors > 0 && !this.room.mayWriteNow;
		if (this.#lacksSpace) return false;
		if (!gather.hasRoom(entries, sectors, noteBytes)) return false;
		if (entries > 0 && this.#sink.isFull) return false;
		const total = gather.sectorsWith(entries, sectors, noteBytes);
		const packed = gather.packedBytes + ENTRY_BYTES * entries + noteBytes;
		const begin = gather.position % SEGMENT_SECTORS;
		const isSealed = this.#step === Step.sealing || this.#step === Step.waitingForSlot;
		return !isSealed && begin + total + this.#summary.sectorsWith(packed) <= SEGMENT_SECTORS;
	}

	/** `waiter.roomAgain` will be called. `isUrgent`: before that of those who wait already. */
	waitForRoom(waiter: RoomWaiter, isUrgent = false): void {
		this.#roomWaiters.add(waiter, isUrgent);
		this.#world.pump.wake();
	}

	/** Something was gathered, or the map is not full any more. */
	wake(): void {
		this.#roomWaiters.areForMap = false;
		this.#world.pump.wake();
	}

	/** Completes the request when all that was gathered so far is written. */
	whenWritten(request: BlockRequest): void {
		if (this.hasFailed) request.complete(StorageStatus.syncFailed, this.errno);
		else if (!this.gather.isEmpty) this.gather.writtenWaiters.add(request);
		else if (this.#step === Step.writing) this.#flying.writtenWaiters.add(request);
		else request.complete(StorageStatus.ok);
	}

	/** Completes the request when all that was gathered so far is on stable storage. */
	whenStable(request: BlockRequest): void {
		if (this.#step === Step.failed) request.complete(StorageStatus.syncFailed, this.errno);
		else if (!this.gather.isEmpty) this.gather.stableWaiters.add(request);
		else if (this.#step === Step.writing || this.#step === Step.syncing)
			this.#flying.stableWaiters.add(request);
		else if (this.cursor.stable === this.#written) request.complete(StorageStatus.ok);
		else {
			this.#syncWaiters.add(request);
			this.#world.pump.wake();
		}
	}

	/** Takes a request back that only waits; false if it is not here. */
	forget(request: BlockRequest): boolean {
		return this.#syncWaiters.remove(request) || this.gather.stableWaiters.remove(request);
	}

	get hasWork(): boolean {
		if (this.hasFailed) return !this.#roomWaiters.isEmpty;
		if (this.#step !== Step.idle) return false;
		if (this.#roomWaiters.mayGoOn) return true;
		if (this.#company.isAwaited) return false;
		return !this.gather.isEmpty || !this.#syncWaiters.isEmpty;
	}

	get expects(): boolean {
		return this.#step !== Step.idle && this.#step !== Step.failed;
	}

	drain(): void {
		// Who waits for room comes before those who come now.
		const isLetIn = this.#roomWaiters.letIn(() => this.#sink.isFull || this.#lacksSpace);
		if (this.#step === Step.failed) return;
		if (!this.gather.isEmpty) this.#send();
		else if (!isLetIn && this.#roomWaiters.mayGoOn) this.#seal();
		else if (!this.#syncWaiters.isEmpty) this.#sync();
	}

	#send(): void {
		const { gather: record, cursor } = this;
		this.#company.sent();
		cursor.previousCrc = record.finish(cursor.next(RecordKind.pages, this.#world.now()));
		const { position, memory, sectors } = record;
		this.gather = this.#flying;
		this.#flying = record;
		this.gather.begin(position + sectors);
		record.deliver(this.#sink);
		this.#summary.add(record);
		this.#sink.notes(record.notes, position, position + sectors, cursor.timeUs);
		if (this.room.isRefusing) this.room.wanted();
		this.#step = Step.writing;
		this.#submit(position, memory, sectors * SECTOR_BYTES, this.#isWaitedFor(record));
		this.#next.advance(sectors * SECTOR_BYTES);
	}

	#isWaitedFor(record: Gather): boolean {
		return !record.stableWaiters.isEmpty || !this.#syncWaiters.isEmpty;
	}

	#submit(position: number, memory: Memory, bytes: number, maySync: boolean): void {
		const device = this.#segments.deviceOf(position);
		this.#writer.write(device, this.#segments.offsetBytes, memory, bytes, maySync);
	}

	written(status: StorageStatus, errno: number, synced: boolean): void {
		if (status !== StorageStatus.ok) this.#fail(errno);
		else if (this.#step === Step.sealing) this.#nextSegment();
		else {
			const record = this.#flying;
			this.#written = this.cursor.sequence;
			if (synced) this.synced(StorageStatus.ok, 0);
			else if (this.#isWaitedFor(record) || this.#writer.hasMuchUnsynced) this.#sync();
			else this.#step = Step.idle;
			completeAll(record.writtenWaiters, StorageStatus.ok, 0);
			this.#world.pump.wake();
		}
	}

	#sync(): void {
		this.#step = Step.syncing;
		this.#writer.sync(this.#isWaitedFor(this.#flying));
	}

	synced(status: StorageStatus, errno: number): void {
		if (status !== StorageStatus.ok) {
			this.#fail(errno);
			return;
		}
		this.cursor.stable = this.#written;
		this.#step = Step.idle;
		this.#company.answered(this.#flying.stableWaiters.length + this.#syncWaiters.length);
		completeAll(this.#flying.stableWaiters, StorageStatus.ok, 0);
		completeAll(this.#syncWaiters, StorageStatus.ok, 0);
		this.#world.pump.wake();
	}

	/** Ends the segment, when the next slot is ready: so behind one that has its summary there is a file, or it was taken away. */
	#seal(): void {
		this.#step = Step.waitingForSlot;
		this.#next.hurry((status) => {
			if (status === StorageStatus.ok) return this.#writeSummary();
			this.#step = Step.idle;
			this.#refuse(status, 0);
			this.#world.pump.wake();
		});
	}

	#writeSummary(): void {
		this.#step = Step.sealing;
		const cursor = this.cursor;
		const end = (Math.floor(this.gather.position / SEGMENT_SECTORS) + 1) * SEGMENT_SECTORS;
		cursor.previousCrc = this.#summary.finish(cursor.next(RecordKind.summary, this.#world.now()), end);
		const { memory, sectors } = this.#summary;
		this.#submit(end - sectors, memory, sectors * SECTOR_BYTES, false);
	}

	#nextSegment(): void {
		const { cursor } = this;
		this.#written = cursor.sequence;
		const segment = this.segment + 1;
		this.#segments.table.seal(segment - 1, this.#summary.sectors);
		this.#segments.place(segment, cursor.nextSlot);
		this.#summary.clear();
		this.gather.begin(segment * SEGMENT_SECTORS);
		cursor.nextSegment(segment, NO_SLOT);
		this.#next.take();
		this.#step = Step.idle;
		this.#world.pump.wake();
	}

	#fail(errno: number): void {
		this.#step = Step.failed;
		this.#refuse(StorageStatus.syncFailed, errno);
		for (const record of [this.#flying, this.gather]) {
			completeAll(record.writtenWaiters, StorageStatus.syncFailed, errno);
			completeAll(record.stableWaiters, StorageStatus.syncFailed, errno);
		}
		completeAll(this.#syncWaiters, StorageStatus.syncFailed, errno);
		this.listeners.degraded({ kind: "syncFailed", errno });
	}

	#refuse(status: StorageStatus, errno: number): void {
		this.#refusal.begin(status, errno, this.#world.now());
		this.#roomWaiters.letIn(() => false);
	}

	/** No part of the pump any more. */
	close(): void {
		this.#world.pump.remove(this);
	}
}
