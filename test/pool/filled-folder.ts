/** A pool's directory in memory, on a file system of which the space that is left is counted: what was never written takes some. */

import { BlockOp, type BlockRequest } from "../../lib/block/request.js";
import { StorageStatus } from "../../lib/errors.js";
import { FILE_BYTES } from "../../lib/pool/format.js";
import { kept, MemoryFolder } from "./memory-folder.js";

export class FilledFolder extends MemoryFolder {
	override fillsAhead = true;
	freeBytes = Number.POSITIVE_INFINITY;
	writtenBytes = 0;
	syncs = 0;
	isFull = false;
	/** Whether a change or sync that comes now fails. */
	refuses: () => boolean = () => false;
	/** Blocks, by file and number. */
	readonly #taken = new Set<string>();

	constructor() {
		super((device, name) => ({
			...kept(device),
			info: device.info,
			submit: (request: BlockRequest): void => {
				if (request.op !== BlockOp.read && this.refuses()) {
					request.complete(StorageStatus.mediumError);
					return;
				}
				if (request.op === BlockOp.flush) this.syncs++;
				if (request.op === BlockOp.write) {
					if (this.isFull) {
						request.complete(StorageStatus.noSpace);
						return;
					}
					this.writtenBytes += request.lengthBytes;
					this.#take(name, request.offsetBytes, request.lengthBytes);
				}
				device.submit(request);
			},
		}));
	}

	/** What was never written to takes space now. */
	#take(name: string, offsetBytes: number, lengthBytes: number): void {
		for (let at = offsetBytes; at < offsetBytes + lengthBytes; at += 4096) {
			const block = `${name} ${Math.floor(at / 4096)}`;
			if (!this.#taken.has(block)) this.freeBytes -= 4096;
			this.#taken.add(block);
		}
	}

	/** Bytes of a file that have their space. */
	takenIn(name: string): number {
		return 4096 * [...this.#taken].filter((block) => block.startsWith(name)).length;
	}

	/** All of a file was written before. */
	has(name: string): void {
		const before = this.freeBytes;
		this.#take(name, 0, FILE_BYTES);
		this.freeBytes = before;
	}

	override async free(): Promise<number> {
		return this.freeBytes;
	}
}
