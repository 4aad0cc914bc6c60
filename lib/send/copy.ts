/**
 * Copies extents from whatever has them to whatever takes them, and stops now and then to make sure of what has been copied, so that an
 * attempt that is interrupted can be gone on with. Called by the commands that import, export and receive.
 */

import type { Extent } from "../image/extent.js";

export interface ExtentSink {
	put(extent: Extent): Promise<void>;
	/** What has been put is on stable storage afterwards. */
	sync(): Promise<void>;
}

export interface CopyOptions {
	/** All before this byte is on stable storage. */
	readonly reached: (offsetBytes: number) => Promise<void>;
	/** How far it is, after each extent. */
	readonly progress: (offsetBytes: number) => void;
	/** Bytes of data between one `reached` and the next. */
	readonly everyBytes?: number;
}

export const REACHED_EVERY_BYTES = 32 * 1024 * 1024;

export async function copy(
	from: AsyncIterable<Extent>,
	to: ExtentSink,
	{ reached, progress, everyBytes = REACHED_EVERY_BYTES }: CopyOptions,
): Promise<void> {
	let unsafeBytes = 0;
	for await (const extent of from) {
		await to.put(extent);
		const end = extent.offsetBytes + extent.lengthBytes;
		progress(end);
		unsafeBytes += extent.bytes.length;
		if (unsafeBytes < everyBytes) continue;
		unsafeBytes = 0;
		await to.sync();
		await reached(end);
	}
	await to.sync();
}
