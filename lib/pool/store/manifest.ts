/**
 * The whole image of a pool as bytes, so that a pool is opened by reading one or a few objects and the tables of those that came later; and what the
 * superblock has of the image. Written by `publisher.ts`, read by `stored-image.ts`. Nothing that is read is believed.
 */

import { crc32c } from "../../crc32c.js";
import { FailedError } from "../../errors.js";
import { putU64, takeU64 } from "../format.js";
import { Image } from "./image.js";
import { FILE_BLOCKS, OBJECT_BLOCKS } from "./layout.js";

const MAGIC = 0x4d424c56; // "VLBM"
const FORMAT = 1;
const AT = { magic: 0, format: 4, length: 8, crc: 16, objects: 24, runs: 32 } as const;
const HEADER_BYTES = 40;
/** Number, epoch, bytes of the table, blocks. */
const OBJECT_BYTES = 24;
/** File, first block, blocks less one, object, place in it. */
const RUN_BYTES = 20;

/** Without what is `but` to come later: nothing of the image is in such objects. */
export function encodeManifest(image: Image): Buffer {
	const runs = image.files.reduce((sum, file) => sum + image.runs(file).length, 0);
	const bytes = Buffer.alloc(HEADER_BYTES + OBJECT_BYTES * image.objects.size + RUN_BYTES * runs);
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	let at = HEADER_BYTES;
	for (const { number, epoch, tableBytes, blocks } of image.objects.values()) {
		putU64(view, at, number);
		putU64(view, at + 8, epoch);
		view.setUint32(at + 16, tableBytes, true);
		view.setUint32(at + 20, blocks, true);
		at += OBJECT_BYTES;
	}
	for (const file of image.files)
		for (const { first, blocks, object, at: place } of image.runs(file)) {
			view.setUint32(at, file, true);
			view.setUint16(at + 4, first, true);
			view.setUint16(at + 6, blocks - 1, true);
			putU64(view, at + 8, object);
			view.setUint32(at + 16, place, true);
			at += RUN_BYTES;
		}
	view.setUint32(AT.magic, MAGIC, true);
	view.setUint32(AT.format, FORMAT, true);
	putU64(view, AT.length, bytes.length);
	view.setUint32(AT.objects, image.objects.size, true);
	view.setUint32(AT.runs, runs, true);
	view.setUint32(AT.crc, crcOf(bytes), true);
	return bytes;
}

function crcOf(bytes: Buffer): number {
	return crc32c(bytes, AT.objects, bytes.length, crc32c(bytes, 0, AT.crc));
}

/** Throws a FailedError if it is not what was written there. */
export function decodeManifest(bytes: Buffer, name: string): Image {
	const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
	const isThere = bytes.length >= HEADER_BYTES && view.getUint32(AT.magic, true) === MAGIC;
	const [objects, runs] = isThere
		? [view.getUint32(AT.objects, true), view.getUint32(AT.runs, true)]
		: [0, 0];
	const isWhole =
		isThere &&
		bytes.length === HEADER_BYTES + OBJECT_BYTES * objects + RUN_BYTES * runs &&
		view.getUint32(AT.crc, true) === crcOf(bytes);
	if (!isWhole) throw new FailedError(`${name}: is damaged, or no manifest of a pool`);
	const format = view.getUint32(AT.format, true);
	if (format !== FORMAT)
		throw new FailedError(`${name}: of format ${format}; this version knows format ${FORMAT}`);
	const image = new Image();
	let at = HEADER_BYTES;
	for (let i = 0; i < objects; i++, at += OBJECT_BYTES)
		image.add({
			number: takeU64(view, at),
			epoch: takeU64(view, at + 8),
			tableBytes: view.getUint32(at + 16, true),
			blocks: view.getUint32(at + 20, true),
		});
	for (let i = 0; i < runs; i++, at += RUN_BYTES) {
		const [first, blocks] = [view.getUint16(at + 4, true), view.getUint16(at + 6, true) + 1];
		const [number, place] = [takeU64(view, at + 8), view.getUint32(at + 16, true)];
		const object = image.objects.get(number);
		const range = { file: view.getUint32(at, true), first, blocks };
		const canBe =
			object !== undefined &&
			object.blocks <= OBJECT_BLOCKS &&
			place + blocks <= object.blocks &&
			object.live + blocks <= object.blocks &&
			first + blocks <= FILE_BLOCKS &&
			!image.has(range);
		if (!canBe) throw new FailedError(`${name}: says what can't be`);
		image.put(range, number, place);
	}
	return image;
}
