/**
 * A file of the log of a pool in an object store, as the pool sees it. What is here is read where it lies; what is not is fetched first. Before something
 * is written the local table says that it may differ from the store, and what the cut under way still has to read there is kept. Made by
 * `store-folder.ts`.
 */

import { type CloseEnd, endWithin } from "../../block/close.js";
import { type BlockDevice, type DeviceInfo, deviceInfo, refuse } from "../../block/device.js";
import type { DeviceListener } from "../../block/listeners.js";
import { BlockOp, type BlockRequest, OP_TRAITS, type RequestLayer } from "../../block/request.js";
import { UnderWay } from "../../block/under-way.js";
import { NoSpaceError, OperatorError, StorageStatus } from "../../errors.js";
import { FILE_BYTES } from "../format.js";
import { blocksOf, type LocalFile, piecesOf, type Span } from "./local-file.js";

/** What a file has done for it. */
export interface StoreFileHome {
	/** Resolves when these pieces are here. Throws an OperatorError if they can't be had. */
	fetch(file: LocalFile, pieces: Span): Promise<void>;
	/** Resolves when something may be written to these pieces: they are here, and it is stable that they may be newer than the store's. Throws an OperatorError. */
	prepare(file: LocalFile, offsetBytes: number, lengthBytes: number): Promise<void>;
	/** Resolves when what the cut has to read of these blocks is kept. Throws an OperatorError. */
	rescue(file: LocalFile, blocks: Span): Promise<void>;
	changed(file: LocalFile, blocks: Span): void;
	/** Something more may be written that the store has not. */
	readonly hasRoom: boolean;
	/** A flush is one when the store has what was written. */
	readonly isStableInStore: boolean;
	/** Resolves when what was written by now is in the store. Throws an OperatorError. */
	stored(): Promise<void>;
	/** This host has no room for what is to be written: who wants to write tries again. */
	lacksRoom(): void;
}

/** That a request has been on its way below. */
const Token = { read: 0, change: 1, flush: 2 } as const;

export class StoreFile implements BlockDevice, RequestLayer {
	readonly #file: LocalFile;
	readonly #home: StoreFileHome;
	readonly #underWay = new UnderWay();
	#below: DeviceInfo;
	#info: DeviceInfo;
	#closing: Promise<CloseEnd> | null = null;

	constructor(file: LocalFile, home: StoreFileHome) {
		this.#file = file;
		this.#home = home;
		this.#below = file.device.info;
		this.#info = infoOf(this.#below);
	}

	get info(): DeviceInfo {
		const { info } = this.#file.device;
		if (info !== this.#below) {
			this.#below = info;
			this.#info = infoOf(info);
		}
		return this.#info;
	}

	submit(request: BlockRequest): void {
		const refused = this.#closing !== null ? StorageStatus.closed : refuse(this.info, request);
		if (refused !== undefined) {
			request.complete(refused);
			return;
		}
		this.#underWay.begun();
		if (request.op === BlockOp.flush) this.#flush(request);
		else if (OP_TRAITS[request.op].changes) this.#change(request);
		else this.#read(request);
	}

	#read(request: BlockRequest): void {
		const pieces = piecesOf(request.offsetBytes, request.lengthBytes);
		if (this.#file.isPresent(pieces)) this.#handOn(request, Token.read);
		else
			void this.#after(request, this.#home.fetch(this.#file, pieces), () =>
				this.#handOn(request, Token.read),
			);
	}

	#change(request: BlockRequest): void {
		const { offsetBytes, lengthBytes } = request;
		// (What is here is not what a flush is for: see `#flush`.)
		if (this.#home.isStableInStore) request.maySync = false;
		const isReady = this.#home.hasRoom && this.#file.isReady(piecesOf(offsetBytes, lengthBytes));
		if (isReady) this.#write(request);
		else
			void this.#after(request, this.#home.prepare(this.#file, offsetBytes, lengthBytes), () =>
				this.#write(request),
			);
	}

	#write(request: BlockRequest): void {
		const blocks = blocksOf(request.offsetBytes, request.lengthBytes);
		if (!this.#file.isInCut(blocks)) this.#handOn(request, Token.change);
		else
			void this.#after(request, this.#home.rescue(this.#file, blocks), () =>
				this.#handOn(request, Token.change),
			);
	}

	/** It waits for something. */
	async #after(request: BlockRequest, first: Promise<void>, act: () => void): Promise<void> {
		request.park();
		try {
			await first;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#underWay.ended();
			// (The log waits for space, and goes on when there is some.)
			const isFull = error instanceof NoSpaceError && OP_TRAITS[request.op].changes;
			if (isFull) this.#home.lacksRoom();
			request.complete(isFull ? StorageStatus.noSpace : StorageStatus.mediumError);
			return;
		}
		act();
	}

	#handOn(request: BlockRequest, token: number): void {
		this.#file.use(piecesOf(request.offsetBytes, request.lengthBytes), false);
		request.push(this, token);
		this.#file.device.submit(request);
	}

	#flush(request: BlockRequest): void {
		if (!this.#home.isStableInStore) {
			this.#handOn(request, Token.flush);
			return;
		}
		// (Here, too, at the same time: what is here is not older than what is there when the power comes back.)
		const failed = this.#home.stored().then(
			() => false,
			(error: unknown) => {
				if (!(error instanceof OperatorError)) throw error;
				return true;
			},
		);
		this.#stored.set(request, failed);
		this.#handOn(request, Token.flush);
	}

	/** What flushes wait for besides. */
	readonly #stored = new Map<BlockRequest, Promise<boolean>>();

	below(request: BlockRequest, token: number): void {
		this.#file.use(piecesOf(request.offsetBytes, request.lengthBytes), true);
		if (token === Token.change) {
			this.#home.changed(this.#file, blocksOf(request.offsetBytes, request.lengthBytes));
			if (request.status === StorageStatus.noSpace) this.#home.lacksRoom();
		}
		const stored = token === Token.flush ? this.#stored.get(request) : undefined;
		if (stored === undefined) {
			this.#underWay.ended();
			request.resume();
			return;
		}
		this.#stored.delete(request);
		void stored.then((hasFailed) => {
			if (hasFailed && request.status === StorageStatus.ok) request.status = StorageStatus.syncFailed;
			this.#underWay.ended();
			request.resume();
		});
	}

	setWriteCache(enabled: boolean): boolean {
		return enabled === this.info.writeCache;
	}

	/** What has begun goes on. */
	cancel(): void {}

	listen(listener: DeviceListener): () => void {
		return this.#file.device.listen(listener);
	}

	close(limitMs = Infinity): Promise<CloseEnd> {
		this.#closing ??= this.#closeInOrder();
		return endWithin(this.#closing, limitMs);
	}

	/** The file itself stays open: what the store has not of it is still read. */
	async #closeInOrder(): Promise<CloseEnd> {
		if (this.#underWay.count > 0) await this.#underWay.none();
		return "closed";
	}
}

/** Nothing of it is trimmed: the pool says what it gives back. */
function infoOf(info: DeviceInfo): DeviceInfo {
	return deviceInfo({
		...info,
		sizeBytes: FILE_BYTES,
		canTrim: false,
		knowsExtents: false,
		writeCache: true,
	});
}
