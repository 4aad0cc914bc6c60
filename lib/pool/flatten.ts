/**
 * Gives a volume pages of its own for those that it has from what it began as, a stretch at a time, while it is served: each piece is read and
 * written anew while nobody changes it, which a request sees to that has its place among all others (`lib/block/ordering.ts`) and is done
 * aside. What is its own is found out of where pages were written, so whoever begins anew goes on. Made by `pool.ts`.
 */

import { PromisedRequest } from "../block/device.js";
import { addExtent } from "../block/extents.js";
import { BlockOp, type BlockRequest } from "../block/request.js";
import { invariant, OperatorError, StorageStatus, storageStatusText } from "../errors.js";
import { quote } from "../text.js";
import type { Memory } from "../wire/memory.js";
import type { Volume } from "./catalog.js";
import { stable } from "./checkpoints.js";
import type { History } from "./history.js";
import { Entry, Found } from "./map/entry.js";
import { answerOf } from "./map/merging.js";
import { Ranges } from "./map/ranges.js";
import { EMPTY_ROOT, type Root } from "./map/ref.js";
import type { PoolParts } from "./opening.js";
import { type PageStore, Where } from "./page-store.js";
import type { VolumeDevice } from "./volume-device.js";

/** What nobody else changes at a time. */
const PIECE_BYTES = 64 * 1024;
/** What one stretch writes, and looks at. */
const STRETCH_BYTES = 16 * 2 ** 20;
const STRETCH_LOOKS = 16_384;
const LOOKS_PER_TURN = 128;

export interface FlattenOf {
	readonly parts: PoolParts;
	readonly history: History;
	readonly store: PageStore;
}

export class Flatten {
	readonly #of: FlattenOf;
	readonly #volume: Volume;
	readonly #device: VolumeDevice;
	readonly #memory: Memory;
	/** Pages that were written before this position are not its own. */
	readonly #before: number;
	readonly #entry = new Entry();
	readonly #guard = new PromisedRequest();

	constructor(of: FlattenOf, volume: Volume, device: VolumeDevice) {
		this.#of = of;
		this.#volume = volume;
		this.#device = device;
		this.#memory = of.parts.world.allocate(Math.max(PIECE_BYTES, volume.pageBytes));
		this.#before = of.parts.living.descent.pages.originAt(volume.line);
		this.#guard.request.extents = new Float64Array(2);
	}

	/** From a byte on; resolves to how far that is, when what was written is on stable storage. Throws an OperatorError. */
	async stretch(offsetBytes: number): Promise<number> {
		const { parts, history } = this.#of;
		const { sizeBytes, pageBytes, line } = this.#volume;
		const pin = history.pin(Number.POSITIVE_INFINITY);
		try {
			const root = parts.contents.layers.roots.get(line) ?? EMPTY_ROOT;
			const pages = this.#before === 0 ? 0 : Math.ceil(sizeBytes / pageBytes);
			const reached = await this.#through(root, Math.floor(offsetBytes / pageBytes), pages);
			await stable(parts.log);
			return reached < pages ? reached * pageBytes : sizeBytes;
		} finally {
			pin?.release();
		}
	}

	/** The page that it has come to. */
	async #through(root: Root, first: number, pages: number): Promise<number> {
		const { world, tree } = this.#of.parts;
		const ranges = new Ranges(tree);
		const perPiece = Math.max(1, PIECE_BYTES / this.#volume.pageBytes);
		let [page, left] = [first, STRETCH_BYTES];
		for (let looks = 1; page < pages && left > 0 && looks <= STRETCH_LOOKS; looks++) {
			if (looks % LOOKS_PER_TURN === 0) await world.nextTurn();
			const from = page;
			const found = await this.#known((waiter) => ranges.nextMapped(root, from, pages, waiter));
			({ page } = ranges);
			if (found !== Found.mapped) continue;
			await this.#known((waiter) => tree.lookUp(root, ranges.page, this.#entry, waiter));
			if (this.#entry.position >= this.#before) {
				page++;
				continue;
			}
			const to = Math.min(pages, page + perPiece);
			left -= await this.#own(page, to);
			page = to;
			await world.nextTurn();
		}
		return page;
	}

	async #known(ask: Parameters<typeof answerOf<Found>>[0]): Promise<Found> {
		const found = await answerOf(ask, (each) => each === Found.loading, Found.failed);
		if (found === Found.failed) throw this.#failure("the map can't be read");
		return found;
	}

	/** While nobody changes these pages. Resolves to how many bytes that were. */
	async #own(from: number, to: number): Promise<number> {
		const { pageBytes, sizeBytes } = this.#volume;
		const { request } = this.#guard;
		const offsetBytes = from * pageBytes;
		const lengthBytes = Math.min(sizeBytes, to * pageBytes) - offsetBytes;
		let done: Promise<number> | undefined;
		this.#device.aside = (asked) => {
			if (asked.extents !== request.extents) return false;
			done = this.#writeAnew(from, to);
			const end = (): void => {
				addExtent(asked, lengthBytes, 0);
				asked.complete(StorageStatus.ok);
			};
			done.then(end, end);
			return true;
		};
		Object.assign(request, { op: BlockOp.extents, offsetBytes, lengthBytes });
		const { status } = await this.#guard.run(this.#device.entry);
		this.#device.aside = null;
		if (status !== StorageStatus.ok) throw this.#failure(storageStatusText(status));
		invariant(done !== undefined, "what is done aside is done");
		return done;
	}

	async #writeAnew(from: number, to: number): Promise<number> {
		const { pageBytes, sizeBytes } = this.#volume;
		let bytes = 0;
		for (let page = from; page < to; ) {
			let end = page;
			while (end < to && (await this.#isShared(end))) end++;
			const lengthBytes = Math.min(sizeBytes, end * pageBytes) - page * pageBytes;
			if (end > page) {
				await this.#run(BlockOp.read, page * pageBytes, lengthBytes);
				await this.#run(BlockOp.write, page * pageBytes, lengthBytes);
				bytes += lengthBytes;
			}
			page = Math.max(end, page + 1);
		}
		return bytes;
	}

	async #isShared(page: number): Promise<boolean> {
		const { store } = this.#of;
		const where = await answerOf(
			(waiter) => store.find(this.#volume.line, page, waiter),
			(each) => each === Where.loading,
			Where.failed,
		);
		if (where === Where.failed) throw this.#failure("the map can't be read");
		return where === Where.stored && store.position < this.#before;
	}

	/** Past those that wait in order: what is asked aside has their place. */
	async #run(op: BlockOp, offsetBytes: number, lengthBytes: number): Promise<void> {
		const promised = new PromisedRequest();
		Object.assign(promised.request, { op, offsetBytes, lengthBytes, memory: this.#memory });
		const { status }: BlockRequest = await promised.run(this.#device);
		if (status !== StorageStatus.ok) throw this.#failure(storageStatusText(status));
	}

	#failure(why: string): OperatorError {
		return new OperatorError(`volume ${quote(this.#volume.name)}: can't be given pages of its own: ${why}`);
	}
}
