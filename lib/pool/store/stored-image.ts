/**
 * What the superblock says of the image, and the image that it names: a manifest, and the tables of the objects that came after it, without a gap.
 * Read when a pool is opened (`store-folder.ts`), written with each cut (`publisher.ts`). What is read is checked as a whole before anything
 * is believed.
 */

import { FailedError } from "../../errors.js";
import { OBJECT_MAX_BYTES, type ObjectStore } from "../../object/store.js";
import { areNumbers } from "../format.js";
import type { JsonObject } from "../stored-json.js";
import { Image } from "./image.js";
import { IDENTITY_TEXT, objectName } from "./layout.js";
import { TABLE_FILES } from "./local-table.js";
import { decodeManifest } from "./manifest.js";
import { decodeTable, type ObjectTable } from "./object-form.js";
import { readObject } from "./read-object.js";

/** Objects of one epoch with one number behind the other: how many bytes each has before its blocks. */
export interface TailPart {
	readonly epoch: number;
	readonly first: number;
	readonly tables: readonly number[];
}

/** An object without a name of its own. */
export interface ObjectKey {
	readonly epoch: number;
	readonly number: number;
}

/** What an image is read from. */
export interface ImageParts {
	/** In parts with one number behind the other; none yet: null. */
	readonly manifest: (ObjectKey & { readonly parts: number }) | null;
	readonly tail: readonly TailPart[];
}

/** Of a replica of a pool in a store: blocks that are in objects with lower numbers there and here are the same. */
export interface ReplicaMark {
	/** The pool in the store: 32 digits in hexadecimal. */
	readonly pool: string;
	/** Of its objects, and of the replica's. */
	readonly theirs: number;
	readonly ours: number;
}

export interface StoredImage extends ImageParts {
	/** What is on the host that goes on from this image (`LocalOwner`); empty: nothing is anywhere. */
	readonly life: string;
	/** Which host that is (`Owner`): another one may have the pool already, and not have said yet what is on it. Versions before this one did not say. */
	readonly lifeOf?: string;
	/** For tails up to the one of this epoch, which were given up, volumes have got other identities. */
	readonly renewedTo?: number;
	/** No object that this names has this number, or a higher one. */
	readonly next: number;
	/** Of a replica: the same with what of a cut has come, which is none yet: no pool can be opened from there. */
	readonly coming?: ImageParts | undefined;
	/** One more than the highest number of a file that there is, also if nothing of it is stored: the log may be about to go on in it. Versions before this one did not say. */
	readonly files?: number;
	/** How far it was brought there by whoever has the pool that it follows, if that is in a store. */
	readonly mark?: ReplicaMark | undefined;
	/** What the pool's head file has, in base64. */
	readonly head: string;
	/** Nothing of the image is in these: they are to be deleted. */
	readonly deleting: readonly ObjectKey[];
}

/** Of a pool in which nothing is. */
export const EMPTY_IMAGE: StoredImage = {
	life: "",
	next: 1,
	manifest: null,
	tail: [],
	head: "",
	deleting: [],
};

/** As the superblock has it; made sure of by whoever reads the image. */
export function imageIn(image: JsonObject): StoredImage {
	return image as unknown as StoredImage;
}

export function asJson(image: StoredImage): JsonObject {
	return image as unknown as JsonObject;
}

const TABLES_AT_ONCE = 32;

export function isStoredImage(value: unknown): value is StoredImage {
	if (!areNumbers(value, ["next"])) return false;
	const { life, lifeOf, renewedTo, files, head, deleting, coming, mark } = value as Record<string, unknown>;
	return (
		typeof life === "string" &&
		(renewedTo === undefined || Number.isSafeInteger(renewedTo)) &&
		(files === undefined || isFileCount(files)) &&
		(lifeOf === undefined || typeof lifeOf === "string") &&
		areParts(value) &&
		(coming === undefined || areParts(coming)) &&
		(mark === undefined || isMark(mark)) &&
		typeof head === "string" &&
		Array.isArray(deleting) &&
		deleting.every((each) => areNumbers(each, ["epoch", "number"]))
	);
}

function isMark(value: unknown): value is ReplicaMark {
	return areNumbers(value, ["theirs", "ours"]) && IDENTITY_TEXT.test(String((value as ReplicaMark).pool));
}

function isFileCount(value: unknown): boolean {
	return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 && value <= TABLE_FILES;
}

function areParts(value: unknown): value is ImageParts {
	if (typeof value !== "object" || value === null) return false;
	const { manifest, tail } = value as Record<string, unknown>;
	return (
		(manifest === null || areNumbers(manifest, ["epoch", "number", "parts"])) &&
		Array.isArray(tail) &&
		tail.every(isTailPart)
	);
}

function isTailPart(value: unknown): value is TailPart {
	if (!areNumbers(value, ["epoch", "first"])) return false;
	const { tables } = value as Record<string, unknown>;
	return Array.isArray(tables) && tables.every((bytes) => Number.isSafeInteger(bytes) && bytes > 0);
}

/** With one object more at its end. */
function extendTail(tail: readonly TailPart[], { epoch, number }: ObjectKey, tableBytes: number): TailPart[] {
	const last = tail.at(-1);
	const follows = last !== undefined && last.epoch === epoch && last.first + last.tables.length === number;
	if (!follows) return [...tail, { epoch, first: number, tables: [tableBytes] }];
	return [...tail.slice(0, -1), { ...last, tables: [...last.tables, tableBytes] }];
}

/** With objects behind it, each of which has so many bytes before its blocks. */
export function extended<Added extends { readonly table: ObjectKey; readonly bytes: number }>(
	{ manifest, tail }: ImageParts,
	added: readonly Added[],
): ImageParts {
	return { manifest, tail: added.reduce((all, { table, bytes }) => extendTail(all, table, bytes), tail) };
}

export function tailLength(tail: readonly TailPart[]): number {
	return tail.reduce((sum, { tables }) => sum + tables.length, 0);
}

/** Throws a FailedError if the store has something else than what was written, an ObjectError if it can't be had. */
export async function readImage(store: ObjectStore, pool: string, stored: StoredImage): Promise<Image> {
	if (!isStoredImage(stored)) throw new FailedError(`${store.name}: the superblock of the pool has no image`);
	return readParts(store, pool, stored);
}

/** The same with what is coming, to go on from there. */
export async function readComing(store: ObjectStore, pool: string, stored: StoredImage): Promise<Image> {
	if (!isStoredImage(stored)) throw new FailedError(`${store.name}: the superblock of the pool has no image`);
	return readParts(store, pool, stored.coming ?? stored);
}

async function readParts(store: ObjectStore, pool: string, { manifest, tail }: ImageParts): Promise<Image> {
	const image = manifest === null ? new Image() : await readManifest(store, pool, manifest);
	const wanted = tail.flatMap(({ epoch, first, tables }) =>
		tables.map((length, index) => ({ epoch, number: first + index, length })),
	);
	for (let from = 0; from < wanted.length; from += TABLES_AT_ONCE) {
		const some = wanted.slice(from, from + TABLES_AT_ONCE);
		const tables = await Promise.all(some.map((key) => readTable(store, pool, key)));
		for (const [index, table] of tables.entries()) apply(image, table, some[index]!.length);
	}
	return image;
}

async function readManifest(
	store: ObjectStore,
	pool: string,
	{ epoch, number, parts }: ObjectKey & { readonly parts: number },
): Promise<Image> {
	const found: Buffer[] = [];
	for (let part = 0; part < parts; part++)
		found.push(await readObject(store, objectName(pool, epoch, number + part)));
	return decodeManifest(Buffer.concat(found), `${store.name}: ${objectName(pool, epoch, number)}`);
}

async function readTable(
	store: ObjectStore,
	pool: string,
	{ epoch, number, length }: ObjectKey & { readonly length: number },
): Promise<ObjectTable> {
	const name = objectName(pool, epoch, number);
	if (length > OBJECT_MAX_BYTES)
		throw new FailedError(`${store.name}: ${name}: has no table of ${length} bytes`);
	const table = decodeTable(await readObject(store, name, { offset: 0, length }), `${store.name}: ${name}`);
	if (table.pool !== pool || table.epoch !== epoch || table.number !== number)
		throw new FailedError(`${store.name}: ${name}: is another object`);
	return table;
}

/** What an object has is in the image from now on. */
export function apply(
	image: Image,
	{ number, epoch, blocks, ranges }: ObjectTable,
	tableBytes: number,
): void {
	image.add({ number, epoch, tableBytes, blocks });
	let at = 0;
	for (const { isZeros, ...range } of ranges) {
		if (isZeros) image.clear(range);
		else {
			image.put(range, number, at);
			at += range.blocks;
		}
	}
}
