/** What the superblock names: a cut, when it is whole, and now and then the whole image of a pool in the place of what was there. Called by `publisher.ts`. */

import type { Image } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { encodeManifest } from "./manifest.js";
import { extended, type ImageParts, type ObjectKey, type StoredImage } from "./stored-image.js";
import type { Uploaded } from "./uploads.js";

const PART_BYTES = 8 * 1024 * 1024;

/** `numbers` gives so many, one behind the other, and returns the first. Throws an OperatorError. */
export async function writeManifest(
	{ keeper, image }: { readonly keeper: ImageKeeper; readonly image: Image },
	numbers: (count: number) => number,
	put: (key: ObjectKey, bytes: readonly Buffer[]) => Promise<void>,
): Promise<void> {
	const { epoch } = keeper;
	const bytes = encodeManifest(image);
	const parts = Math.ceil(bytes.length / PART_BYTES);
	const number = numbers(parts);
	for (let part = 0; part < parts; part++)
		await put({ epoch, number: number + part }, [bytes.subarray(part * PART_BYTES, (part + 1) * PART_BYTES)]);
	await keeper.write((now) => {
		const whole = { manifest: { epoch, number, parts }, tail: [] };
		const { coming, ...image } = now;
		const next = Math.max(now.next, number + parts);
		if (coming === undefined)
			return { ...image, ...whole, next, deleting: [...now.deleting, ...partsOf(now)] };
		// (What the image itself is read from stays.)
		const isBoth = coming.manifest?.number === now.manifest?.number;
		return {
			...now,
			next,
			coming: whole,
			deleting: isBoth ? now.deleting : [...now.deleting, ...partsOf(coming)],
		};
	});
}

/** The objects of the manifest that there was. */
function partsOf({ manifest }: ImageParts): ObjectKey[] {
	if (manifest === null) return [];
	const { epoch, number, parts } = manifest;
	return Array.from({ length: parts }, (_, part) => ({ epoch, number: number + part }));
}

/** What is named when a cut is whole, with what was uploaded of it last. */
export function cutImage(
	{ coming, ...now }: StoredImage,
	uploaded: readonly Uploaded[],
	{ next, head, files }: Required<Pick<StoredImage, "next" | "head" | "files">>,
): StoredImage {
	const { manifest, tail } = extended(coming ?? now, uploaded);
	const isOther = coming !== undefined && manifest?.number !== now.manifest?.number;
	const deleting = isOther ? [...now.deleting, ...partsOf(now)] : now.deleting;
	return { ...now, next, head, files: Math.max(files, now.files ?? 0), manifest, tail, deleting };
}
