/** Stores the whole image of a pool, and has the superblock name it in the place of what was there. Called by `publisher.ts`. */

import type { Image } from "./image.js";
import type { ImageKeeper } from "./keeper.js";
import { encodeManifest } from "./manifest.js";
import type { ObjectKey, StoredImage } from "./stored-image.js";

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
	await keeper.write((now) => ({
		...now,
		next: number + parts,
		manifest: { epoch, number, parts },
		tail: [],
		deleting: [...now.deleting, ...partsOf(now)],
	}));
}

/** The manifest that there was. */
function partsOf({ manifest }: StoredImage): ObjectKey[] {
	if (manifest === null) return [];
	const { epoch, number, parts } = manifest;
	return Array.from({ length: parts }, (_, part) => ({ epoch, number: number + part }));
}
