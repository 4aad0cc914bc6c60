/**
 * Looks at what a pool has in its object store, object by object, while the pool is used: each is read as a whole and compared with its sums, and with what of
 * it is on this host. What is wrong there and right here is stored anew; what is wrong here is given up, and fetched again when it is wanted. So a
 * scrub takes one request for each object, and nothing of it stays here. Made by `stored-files.ts`, asked by a pool's scrub (`../scrub.ts`).
 */

import { BlockOp } from "../../block/request.js";
import { FailedError, OperatorError } from "../../errors.js";
import { isFault, ObjectError, ObjectFault } from "../../object/errors.js";
import type { ObjectStore } from "../../object/store.js";
import type { Memory } from "../../wire/memory.js";
import type { LookedPart, MendedPlace } from "../folder.js";
import { run } from "../run.js";
import type { Image, ImageRange, StoredObject } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { IMAGE_BLOCK_BYTES, objectName, PIECE_BLOCKS, PIECE_BYTES, SLOT_PIECES } from "./layout.js";
import type { LocalFile } from "./local-file.js";
import { decodeManifest } from "./manifest.js";
import { checkedBlocks, decodeTable, type ObjectTable, storedBytes } from "./object-form.js";
import type { Publisher } from "./publisher.js";
import { readObject } from "./read-object.js";

export interface ObjectScrubOf {
	readonly store: ObjectStore;
	readonly keeper: ImageKeeper;
	readonly image: Image;
	readonly publisher: Pick<Publisher, "exclusive" | "writeManifest">;
	readonly allocate: (byteLength: number) => Memory;
	/** What is on this host of a file. Throws an OperatorError. */
	readonly local: (file: number) => Promise<LocalFile>;
	/** Has a range brought to the store anew. Throws an OperatorError. */
	readonly rewrite: (range: ImageRange) => Promise<void>;
	/** Nothing of a slot is here when it resolves; false: it is in use. Throws an OperatorError. */
	readonly giveUp: (file: LocalFile, slot: number) => Promise<boolean>;
}

/** What is looked at first: the manifest. No object has this number. */
const MANIFEST = 0;

/** A part of an object that lies in one piece of a file. */
interface Part extends ImageRange {
	readonly at: number;
	readonly piece: number;
}

/** What an object has, as far as it is as it was written. */
interface Content {
	/** Null: it can't be told what its blocks are. */
	readonly table: ObjectTable | null;
	/** By group of blocks that have one sum; undefined: wrong. */
	readonly isRight: (block: number) => boolean;
	/** One behind the other; of those that are right. */
	readonly blocks: Buffer;
}

const NOTHING: Content = { table: null, isRight: () => false, blocks: Buffer.alloc(0) };

export class ObjectScrub {
	readonly #of: ObjectScrubOf;
	#memory: Memory | null = null;

	constructor(of: ObjectScrubOf) {
		this.#of = of;
	}

	/** Numbers of what there is to look at, now. */
	list(): readonly number[] {
		return [MANIFEST, ...[...this.#of.image.objects.keys()].sort((a, b) => a - b)];
	}

	/** `isWhole`: what it has, not only whether it is there. Throws an OperatorError if the store can't be asked. */
	async look(number: number, isWhole: boolean): Promise<LookedPart> {
		try {
			if (number === MANIFEST) return await this.#manifest(isWhole);
			const object = this.#of.image.objects.get(number);
			if (object === undefined || !this.#isOfUse(object)) return { mended: [], damaged: [] };
			return isWhole ? await this.#whole(object) : await this.#there(object);
		} catch (error) {
			if (error instanceof ObjectError) throw new OperatorError(error.message);
			throw error;
		}
	}

	/** Whoever opens the pool reads the tables of those that came after the manifest. */
	#isInTail({ number }: StoredObject): boolean {
		return number > (this.#of.keeper.image.manifest?.number ?? 0);
	}

	#isOfUse(object: StoredObject): boolean {
		return object.live > 0 || this.#isInTail(object);
	}

	#nameOf({ epoch, number }: Pick<StoredObject, "epoch" | "number">): string {
		return objectName(this.#of.keeper.pool, epoch, number);
	}

	async #manifest(isWhole: boolean): Promise<LookedPart> {
		const { store, keeper } = this.#of;
		const { manifest } = keeper.image;
		if (manifest === null) return { mended: [], damaged: [] };
		const first = this.#nameOf(manifest);
		const parts: Buffer[] = [];
		try {
			for (let part = 0; part < manifest.parts; part++) {
				const name = this.#nameOf({ ...manifest, number: manifest.number + part });
				if (isWhole) parts.push(await readObject(store, name));
				else await store.head(name, { newest: true });
			}
			if (isWhole) decodeManifest(Buffer.concat(parts), first);
			return { mended: [], damaged: [] };
		} catch (error) {
			if (!isWrong(error) || keeper.image.manifest?.number !== manifest.number) throw error;
			await this.#storeManifest();
			return { mended: [[`${store.name}: ${first}`, "the manifest of the pool"]], damaged: [] };
		}
	}

	/** What is known here of the image is right, whatever the store has. */
	#storeManifest(): Promise<void> {
		const { publisher } = this.#of;
		return publisher.exclusive(() => publisher.writeManifest());
	}

	async #there(object: StoredObject): Promise<LookedPart> {
		const { store } = this.#of;
		const name = this.#nameOf(object);
		const wanted = object.tableBytes + storedBytes(object.blocks);
		try {
			const bytes = await store.head(name, { newest: true });
			if (bytes === wanted || !this.#isStill(object)) return { mended: [], damaged: [] };
			return { mended: [], damaged: [`${store.name}: ${name}: has ${bytes} bytes, not ${wanted}`] };
		} catch (error) {
			if (!isWrong(error)) throw error;
			if (!this.#isStill(object)) return { mended: [], damaged: [] };
			return { mended: [], damaged: [`${store.name}: ${name}: is not there`] };
		}
	}

	/** It was not replaced and deleted meanwhile. */
	#isStill(object: StoredObject): boolean {
		return this.#of.image.objects.get(object.number) === object && this.#isOfUse(object);
	}

	async #whole(object: StoredObject): Promise<LookedPart> {
		const content = await this.#read(object);
		const mended: MendedPlace[] = [];
		const damaged: string[] = [];
		if (!this.#isStill(object)) return { mended, damaged };
		const name = `${this.#of.store.name}: ${this.#nameOf(object)}`;
		const parts = this.#partsOf(object, content.table);
		const wrongHere = new Map<string, { file: LocalFile; slot: number }>();
		for (const part of parts) {
			const file = await this.#of.local(part.file);
			if (!isRightIn(content, part)) {
				const what = `blocks ${part.at} to ${part.at + part.blocks - 1}`;
				if (!file.isPresent(pieceOf(part)))
					damaged.push(`${name}: ${what} are not what was stored, and nothing of them is on this host`);
				else if (await this.#storeAnew(object, part)) mended.push([name, what]);
			} else if (await this.#differsHere(object, part, file, content)) {
				const slot = Math.floor(part.piece / SLOT_PIECES);
				wrongHere.set(`${file.name}, slot ${slot}`, { file, slot });
			}
		}
		// (Of one before the manifest nobody reads the table.)
		if (content.table === null && this.#isInTail(object)) {
			await this.#storeManifest();
			mended.push([name, "the table of an object"]);
		}
		for (const [place, { file, slot }] of wrongHere)
			if (await this.#of.giveUp(file, slot)) mended.push([place, "what is here of the store"]);
			else damaged.push(`${place}: is not what the store has, and in use just now`);
		return { mended, damaged };
	}

	/** What was damaged on its way is right the next time. */
	async #read(object: StoredObject): Promise<Content> {
		const name = this.#nameOf(object);
		for (const newest of [false, true]) {
			try {
				const content = this.#contentOf(object, await readObject(this.#of.store, name, undefined, newest));
				if (newest || (content.table !== null && isRightIn(content, { at: 0, blocks: object.blocks })))
					return content;
			} catch (error) {
				if (!isWrong(error)) throw error;
			}
		}
		return NOTHING;
	}

	#contentOf(object: StoredObject, bytes: Buffer): Content {
		const { pool } = this.#of.keeper;
		const { blocks, wrong } = checkedBlocks(bytes.subarray(object.tableBytes), object.blocks);
		const isRight = (block: number): boolean => !wrong.has(block);
		try {
			const table = decodeTable(bytes.subarray(0, object.tableBytes), "");
			const isIt = table.pool === pool && table.epoch === object.epoch && table.number === object.number;
			return { table: isIt ? table : null, isRight: isIt ? isRight : NOTHING.isRight, blocks };
		} catch (error) {
			if (!(error instanceof FailedError)) throw error;
			return { table: null, isRight, blocks };
		}
	}

	/** What is wanted of it, by its own table, or, without one, by what is known of all files. */
	#partsOf(object: StoredObject, table: ObjectTable | null): Part[] {
		const { image } = this.#of;
		const runs =
			table === null
				? image.files.flatMap((file) => image.runs(file).map((each) => ({ ...each, file })))
				: table.ranges.flatMap((range) => image.find(range).map((each) => ({ ...each, file: range.file })));
		return runs.filter(({ object: number }) => number === object.number).flatMap(inPieces);
	}

	/** Whether the image still has these blocks of that object. */
	#isWanted({ number }: StoredObject, part: Part): boolean {
		const [found, ...others] = this.#of.image.find(part);
		return (
			others.length === 0 &&
			found?.object === number &&
			found.first === part.first &&
			found.at === part.at &&
			found.blocks === part.blocks
		);
	}

	/** False: nobody wants it of there any more. */
	async #storeAnew(object: StoredObject, part: Part): Promise<boolean> {
		if (!this.#isWanted(object, part)) return false;
		await this.#of.rewrite(part);
		return true;
	}

	/** Whether this host has something else than the store, though nothing was written there. */
	async #differsHere(
		object: StoredObject,
		part: Part,
		file: LocalFile,
		{ blocks }: Content,
	): Promise<boolean> {
		const span = { from: part.first, to: part.first + part.blocks };
		const isUnchanged = (): boolean =>
			file.isPresent(pieceOf(part)) &&
			!file.mayDiffer(pieceOf(part)) &&
			!file.holds(span) &&
			this.#isWanted(object, part);
		if (!isUnchanged()) return false;
		this.#memory ??= this.#of.allocate(PIECE_BYTES);
		const memory = this.#memory;
		const length = part.blocks * IMAGE_BLOCK_BYTES;
		let isReadable = true;
		await file.pinned(pieceOf(part), async () => {
			try {
				await run(file.device, BlockOp.read, part.first * IMAGE_BLOCK_BYTES, length, memory, file.name);
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
				isReadable = false;
			}
		});
		if (!isUnchanged()) return false;
		const stored = blocks.subarray(part.at * IMAGE_BLOCK_BYTES, part.at * IMAGE_BLOCK_BYTES + length);
		return !isReadable || Buffer.compare(stored, memory.bytes.subarray(0, length)) !== 0;
	}
}

/** The store says that it has something else, or nothing. */
function isWrong(error: unknown): boolean {
	return (
		error instanceof FailedError ||
		(error instanceof ObjectError &&
			(isFault(error, ObjectFault.absent) || isFault(error, ObjectFault.damaged)))
	);
}

function isRightIn({ isRight }: Content, { at, blocks }: Pick<Part, "at" | "blocks">): boolean {
	for (let block = at; block < at + blocks; block++) if (!isRight(block)) return false;
	return true;
}

function pieceOf({ piece }: Part): { readonly from: number; readonly to: number } {
	return { from: piece, to: piece + 1 };
}

function inPieces({ file, first, blocks, at }: ImageRange & { readonly at: number }): Part[] {
	const parts: Part[] = [];
	for (let from = first; from < first + blocks; ) {
		const piece = Math.floor(from / PIECE_BLOCKS);
		const to = Math.min(first + blocks, (piece + 1) * PIECE_BLOCKS);
		parts.push({ file, first: from, blocks: to - from, at: at + from - first, piece });
		from = to;
	}
	return parts;
}
