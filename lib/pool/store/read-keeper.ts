/** What keeps an image that is only read: nothing is written to where its superblock is, and what the pool would say there counts until it is closed. Used by `view-keepers.ts` and `tail-keepers.ts`. */

import type { ImageKeeper } from "./keeper.js";
import type { StoredImage } from "./stored-image.js";

export function readKeeper(
	{ pool, epoch }: Pick<ImageKeeper, "pool" | "epoch">,
	first: StoredImage,
): ImageKeeper {
	let image = first;
	return {
		...{ pool, epoch, heldBelow: Number.POSITIVE_INFINITY },
		get image() {
			return image;
		},
		isGivenUp: () => false,
		write: async (change) => {
			image = change(image);
		},
	};
}
