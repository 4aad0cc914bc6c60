/**
 * A file of the log of a pool that has replicas, as the pool sees it: what changes something is on its way as soon as each replica knows that it may have, and has
 * kept what it still wants of what was there. Made by `replica-folder.ts`.
 */

import type { CloseEnd } from "../../block/close.js";
import type { BlockDevice } from "../../block/device.js";
import { DeviceLayer } from "../../block/layer.js";
import { BlockOp, type BlockRequest, OP_TRAITS } from "../../block/request.js";
import { NoSpaceError, OperatorError, StorageStatus } from "../../errors.js";
import type { Flushed } from "./flushed.js";
import { blocksOf, type LocalFile, piecesOf } from "./local-file.js";
import type { Replica } from "./replica.js";

/** What a replica knows of the file. */
export interface Followed {
	readonly replica: Replica;
	readonly file: LocalFile;
}

/** That a request is no flush, which has what it is for. */
const CHANGE = 0;

export class ReplicaFile extends DeviceLayer {
	readonly #followed: readonly Followed[];
	readonly #flushed: Flushed;

	/** @param device stays open when this is closed */
	constructor(device: BlockDevice, followed: readonly Followed[], flushed: Flushed) {
		super(staying(device));
		this.#followed = followed;
		this.#flushed = flushed;
	}

	protected handle(request: BlockRequest): void {
		if (request.op === BlockOp.flush) {
			this.started();
			request.push(this, this.#flushed.begun());
			this.device.submit(request);
			return;
		}
		if (!OP_TRAITS[request.op].changes) {
			this.device.submit(request);
			return;
		}
		if (this.dealtWith(request)) return;
		this.started();
		const pieces = piecesOf(request.offsetBytes, request.lengthBytes);
		for (const { file } of this.#followed) file.use(pieces, false);
		const isFree = this.#followed.every(({ file }) => isReady(file, request) && !isWanted(file, request));
		if (isFree) this.#handOn(request);
		else void this.#prepare(request);
	}

	async #prepare(request: BlockRequest): Promise<void> {
		const { offsetBytes, lengthBytes } = request;
		request.park();
		try {
			for (const { replica, file } of this.#followed) {
				if (!isReady(file, request)) await replica.prepare(file, offsetBytes, lengthBytes);
				if (isWanted(file, request)) await replica.publisher.rescue(file, blocksOf(offsetBytes, lengthBytes));
			}
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#over(request);
			request.complete(error instanceof NoSpaceError ? StorageStatus.noSpace : StorageStatus.mediumError);
			return;
		}
		this.#handOn(request);
	}

	#handOn(request: BlockRequest): void {
		request.push(this, CHANGE);
		this.device.submit(request);
	}

	/** (A change that has failed may have changed something.) */
	below(request: BlockRequest, token: number): void {
		if (token !== CHANGE) {
			if (request.status === StorageStatus.ok) this.#flushed.ended(token);
			this.ended();
			request.resume();
			return;
		}
		this.#flushed.changed();
		const blocks = blocksOf(request.offsetBytes, request.lengthBytes);
		for (const { replica, file } of this.#followed) replica.changed(file, blocks);
		this.#over(request);
		request.resume();
	}

	#over({ offsetBytes, lengthBytes }: BlockRequest): void {
		const pieces = piecesOf(offsetBytes, lengthBytes);
		for (const { file } of this.#followed) file.use(pieces, true);
		this.ended();
	}
}

function isReady(file: LocalFile, { offsetBytes, lengthBytes }: BlockRequest): boolean {
	return file.isReady(piecesOf(offsetBytes, lengthBytes));
}

/** A cut has still to read some of it. */
function isWanted(file: LocalFile, { offsetBytes, lengthBytes }: BlockRequest): boolean {
	return file.isInCut(blocksOf(offsetBytes, lengthBytes));
}

function staying(device: BlockDevice): BlockDevice {
	return {
		get info() {
			return device.info;
		},
		submit: (request) => device.submit(request),
		setWriteCache: (enabled) => device.setWriteCache(enabled),
		cancel: (request) => device.cancel(request),
		listen: (listener) => device.listen(listener),
		close: async (): Promise<CloseEnd> => "closed",
	};
}
