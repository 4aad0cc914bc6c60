/**
 * The log of a pool: takes what volumes change, gathers it to records, and writes one record at a time, so that one sync serves all
 * who wait for it. While a record is on its way the next one is gathered; while nobody waits for a sync, records are written beside it.
 * Made by `pool.ts` of what `replay.ts` has found; volumes (`volume-device.ts`) put into `gather` what has room, and wait for room.
 *
 * After a write or sync that failed nothing is written any more and nothing is reported as safe: what is on storage is unknown.
 * Reads go on; what was on its way is read from memory.
 */

import { Listeners } from "../block/listeners.js";
import type { BlockRequest } from "../block/request.js";
import { completeAll, RequestList } from "../block/request-list.js";
import { StorageStatus } from "../errors.js";
import type { PumpStage } from "../pump.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { PoolWorld } from "./folder.js";
import { SEGMENT_SECTORS } from "./format.js";
import { Gather, type RecordSink } from "./gather.js";
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
	readonly writer: LogWriter;
	/** On its way, or the last one that was: what it holds is read from memory until the next one is sent. */
	#flying: Gather;
	#step: Step = Step.idle;
	readonly #roomWaiters = new RoomWaiters();
	/** Those who wait for a sync of what is written already. */
	readonly #syncWaiters = new RequestList();
	/** Why nothing is taken. */
	readonly refusal: Refusal;
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
		const elapsed = (): number => world.elapsed();
		this.refusal = new Refusal(elapsed, () => this.#roomWaiters.letIn(() => false));
		this.writer = new LogWriter(this, this.refusal);
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
		this.writer.retry();
		if (this.#step === Step.idle && this.refusal.mayRetry) {
			this.refusal.status = StorageStatus.ok;
			this.#seal();
		}
		// (Not before: the checkpoint that would free the map may wait for what was tried here.)
		if (this.isMapStuck && !this.hasFailed) return StorageStatus.noSpace;
		return this.refusal.status;
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
		if (this.hasFailed) request.complete(StorageStatus.syncFailed, this.refusal.errno);
		else if (!this.gather.isEmpty) this.gather.writtenWaiters.add(request);
		else if (this.#step === Step.writing) this.#flying.writtenWaiters.add(request);
		else request.complete(StorageStatus.ok);
	}

	/** Completes the request when all that was gathered so far is on stable storage. */
	whenStable(request: BlockRequest): void {
		if (this.#step === Step.failed) request.complete(StorageStatus.syncFailed, this.refusal.errno);
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
		if (this.hasFailed || this.writer.isStuck) return !this.#roomWaiters.isEmpty;
		if (this.#step !== Step.idle) return false;
		if (this.#roomWaiters.mayGoOn) return true;
		return !this.#company.isAwaited && !(this.gather.isEmpty && this.#syncWaiters.isEmpty);
	}

	get expects(): boolean {
		return this.#step !== Step.idle && this.#step !== Step.failed;
	}

	drain(): void {
		// Who waits for room comes before those who come now.
		const isLetIn = this.#roomWaiters.letIn(() => this.#sink.isFull || this.#lacksSpace);
		if (this.#step !== Step.idle) return;
		if (!this.gather.isEmpty) this.#send();
		else if (!isLetIn && this.#roomWaiters.mayGoOn) this.#seal();
		else if (!this.#syncWaiters.isEmpty) this.#sync();
	}

	#send(): void {
		const { gather: record, cursor } = this;
		this.#company.sent();
		cursor.previousCrc = record.finish(cursor.next(RecordKind.pages, this.#world.now()));
		const { position, sectors } = record;
		this.gather = this.#flying;
		this.#flying = record;
		this.gather.begin(position + sectors);
		record.deliver(this.#sink);
		this.#summary.add(record);
		this.#sink.notes(record.notes, position, position + sectors, cursor.timeUs);
		if (this.room.isRefusing) this.room.wanted();
		this.#step = Step.writing;
		this.#write(position, record, this.#isWaitedFor);
		this.#next.advance(sectors * SECTOR_BYTES);
	}

	/** That all that has been sent is stable. */
	get #isWaitedFor(): boolean {
		return !this.#flying.stableWaiters.isEmpty || !this.#syncWaiters.isEmpty;
	}

	#write(position: number, { memory, sectors }: Gather | Summary, maySync: boolean): void {
		const device = this.#segments.deviceOf(position);
		this.writer.write(device, this.#segments.offsetBytes, memory, sectors * SECTOR_BYTES, maySync);
	}

	written(status: StorageStatus, errno: number, synced: boolean): void {
		if (status !== StorageStatus.ok) this.#fail(errno);
		else if (this.#step === Step.sealing) this.#nextSegment();
		else {
			this.#written = this.cursor.sequence;
			if (synced) this.#stable(this.#written);
			else if (this.#isWaitedFor) this.#sync();
			else this.#syncBeside();
			completeAll(this.#flying.writtenWaiters, StorageStatus.ok, 0);
			this.#world.pump.wake();
		}
	}

	/** Somebody waits for it: no record is written before it is over. */
	#sync(): void {
		this.#step = Step.syncing;
		this.writer.sync(this.#written, true);
	}

	/** Nobody waits for what there is to sync: records are written meanwhile, unless they would be too many. */
	#syncBeside(): void {
		this.#step = Step.idle;
		if (this.writer.isSyncDue) this.writer.sync(this.#written, false);
		if (this.writer.hasMuchUnsynced) this.#step = Step.syncing;
	}

	synced(status: StorageStatus, errno: number, sequence: number): void {
		if (status !== StorageStatus.ok) this.#fail(errno);
		else if (this.#step !== Step.syncing) this.cursor.stable = sequence;
		// (It had begun before somebody came who waits for a later record.)
		else if (sequence < this.#written && this.#isWaitedFor) this.#sync();
		else this.#stable(sequence);
	}

	/** Records up to this one are: who waits has waited for no other. */
	#stable(sequence: number): void {
		this.cursor.stable = sequence;
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
			if (this.hasFailed) return;
			if (status === StorageStatus.ok) return this.#writeSummary();
			this.#step = Step.idle;
			const isSpace = status === StorageStatus.noSpace;
			this.refusal.slotWhere = isSpace ? "" : this.#segments.nameInSlot(this.cursor.nextSlot, 0);
			this.refusal.begin(status, 0);
			this.#world.pump.wake();
		});
	}

	#writeSummary(): void {
		this.#step = Step.sealing;
		const cursor = this.cursor;
		const end = (Math.floor(this.gather.position / SEGMENT_SECTORS) + 1) * SEGMENT_SECTORS;
		cursor.previousCrc = this.#summary.finish(cursor.next(RecordKind.summary, this.#world.now()), end);
		this.#write(end - this.#summary.sectors, this.#summary, false);
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
		this.refusal.where = this.#segments.nameOf(this.#flying.position);
		this.refusal.begin(StorageStatus.syncFailed, errno);
		for (const record of [this.#flying, this.gather]) record.fail(StorageStatus.syncFailed, errno);
		completeAll(this.#syncWaiters, StorageStatus.syncFailed, errno);
		this.listeners.degraded({ kind: "syncFailed", errno });
	}

	close(): void {
		this.#world.pump.remove(this);
	}
}
