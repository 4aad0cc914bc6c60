/**
 * How a replica is read where it is, before it is promoted: by the superblock as it is now, which stays as it is. What the pool writes when it is opened, it
 * writes on this host alone, and nobody goes on from that. Made by `lib/daemon/replica-views.ts`.
 */

import { OperatorError } from "../../errors.js";
import type { Head } from "../../object/head.js";
import type { ImageKeeper } from "./keeper.js";
import type { Keepers } from "./options.js";
import { readKeeper } from "./read-keeper.js";
import type { ReplicaOf } from "./replica-of.js";
import { imageIn, type ObjectKey, type StoredImage } from "./stored-image.js";
import type { Superblock } from "./superblock.js";
import { lookAt, notAllText } from "./takeover.js";

interface ViewedFiles {
	/** Whether something of that object is wanted. */
	wants(key: ObjectKey): boolean;
}

/** What is to be done about a view, by what is there now: it stays as it is, is old, or has to be opened anew as it will not be there for long, or not at all. */
export type ViewAge = "newest" | "old" | "going";

export class ViewKeepers implements Keepers {
	readonly #head: Head;
	readonly #path: string;
	#image: StoredImage | null = null;
	#pool = "";

	/** `path`: what messages call it. */
	constructor(head: Head, path: string) {
		this.#head = head;
		this.#path = path;
	}

	async isThere(): Promise<boolean> {
		return (await lookAt(this.#head, {})) !== null;
	}

	create(): Promise<ImageKeeper> {
		return Promise.reject(new OperatorError(`${this.#path}: is a pool already`));
	}

	async acquire(): Promise<ImageKeeper> {
		const superblock = await lookAt(this.#head, {});
		const of = superblock?.replica;
		if (superblock === null || of === undefined)
			throw new OperatorError(`${this.#path}: is no replica any more`);
		const { pool, epoch } = superblock;
		const image = imageIn(superblock.image);
		if (image.head === "") throw new OperatorError(`${this.#path}: ${notAllText(of)}`);
		this.#image = image;
		this.#pool = pool;
		return readKeeper({ pool, epoch }, image);
	}

	/** How what was opened stands to what is there. */
	ageBy({ pool, replica, image }: Superblock, files: ViewedFiles): ViewAge {
		if (this.#image === null) return "newest";
		const now = imageIn(image);
		if (replica === undefined || pool !== this.#pool || now.deleting.some((key) => files.wants(key)))
			return "going";
		return cutOf(now) === cutOf(this.#image) ? "newest" : "old";
	}
}

/** Equal for what is the same cut. */
function cutOf({ manifest, tail, head }: StoredImage): string {
	return JSON.stringify([manifest, tail, head]);
}

/** Why nothing is written there. */
export function viewText({ name, host }: ReplicaOf): string {
	return `is a replica of ${name} of ${host}, which can be read, and written to when vblade pool promote has made a pool of its own of it`;
}
