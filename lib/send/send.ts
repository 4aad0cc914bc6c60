/**
 * Sends a snapshot: all of it, or what differs from an earlier one. Called by `vblade volume send`.
 */

import type { BlockDevice } from "../block/device.js";
import type { Extent } from "../image/extent.js";
import { type CopyOptions, copy } from "./copy.js";
import { DeviceReader } from "./device.js";
import type { StreamBegin } from "./stream-begin.js";
import { StreamWriter, type TakeBytes } from "./stream-writer.js";
import type { ResumePoint } from "./token.js";

/** Part of a volume, in bytes. */
export interface Range {
	readonly offsetBytes: number;
	readonly lengthBytes: number;
}

export interface SendSource {
	readonly device: BlockDevice;
	readonly begin: StreamBegin;
	/** What differs from the base, from `offsetBytes` on, in order. All of it if there is none. */
	changes(offsetBytes: number): AsyncIterable<Range>;
}

export async function send(
	source: SendSource,
	take: TakeBytes,
	from: ResumePoint | undefined,
	progress: CopyOptions["progress"],
	markEveryBytes?: number,
): Promise<void> {
	const writer = new StreamWriter(take, markEveryBytes);
	await writer.begin(source.begin, from);
	// Each piece is out of our hands when it has been taken.
	const options = { progress, reached: async () => {}, everyBytes: Number.POSITIVE_INFINITY };
	await copy(changedExtents(source, from?.offsetBytes ?? 0), writer, options);
	await writer.end();
}

/** What has changed to a hole reads as zeros, and was something else before; without a base there was nothing before. */
async function* changedExtents(
	{ device, begin, changes }: SendSource,
	offset: number,
): AsyncGenerator<Extent> {
	const reader = new DeviceReader(device, begin.volume);
	for await (const { offsetBytes, lengthBytes } of changes(offset))
		for await (const extent of reader.extents(offsetBytes, offsetBytes + lengthBytes))
			yield extent.kind === "hole" && begin.base !== null ? { ...extent, kind: "zero" } : extent;
}
