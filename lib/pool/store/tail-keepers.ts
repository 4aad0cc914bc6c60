/**
 * How what a host had acknowledged, and another one has given up (`LostTail`), is read where it lies: by the image that it goes on from, which stays in the
 * store as long as the superblock says so, and what is on this host. Nothing is written to the store. Made by `lib/daemon/tail-view.ts`.
 */

import { OperatorError } from "../../errors.js";
import type { Head } from "../../object/head.js";
import type { ImageKeeper } from "./keeper.js";
import type { Keepers } from "./options.js";
import { readKeeper } from "./read-keeper.js";
import { imageIn } from "./stored-image.js";
import { lookAt } from "./takeover.js";

export class TailKeepers implements Keepers {
	readonly #head: Head;
	readonly #path: string;
	readonly #of: string;

	/** `path`: what messages call it; `of`: and the pool that it is of. */
	constructor(head: Head, path: string, of: string) {
		this.#head = head;
		this.#path = path;
		this.#of = of;
	}

	async isThere(): Promise<boolean> {
		return (await lookAt(this.#head, {})) !== null;
	}

	create(): Promise<ImageKeeper> {
		return Promise.reject(new OperatorError(`${this.#path}: is what was given up of ${this.#of}`));
	}

	async acquire(life: string): Promise<ImageKeeper> {
		const superblock = await lookAt(this.#head, {});
		if (superblock === null) throw new OperatorError(`${this.#path}: there is no pool ${this.#of}`);
		const { pool, lost = [] } = superblock;
		if (imageIn(superblock.image).life === life)
			throw new OperatorError(`${this.#path}: nothing here was given up: ${this.#of} goes on from it`);
		const tail = lost.find(({ image }) => life !== "" && imageIn(image).life === life);
		if (tail === undefined)
			throw new OperatorError(`${this.#path}: here is nothing of ${this.#of} that was given up`);
		return readKeeper({ pool, epoch: tail.epoch }, imageIn(tail.image));
	}
}

/** Why nothing is written there. */
export function tailText(of: string): string {
	return `is what was given up of ${of}, which can be read`;
}
