/**
 * Puts what a stream brings on a device: all of a volume, or on a clone of the base what differs from it. Called by `vblade volume receive`, which
 * makes and names these.
 */

import * as z from "zod";
import type { BlockDevice } from "../block/device.js";
import { FailedError } from "../errors.js";
import { type CopyOptions, copy } from "./copy.js";
import { DeviceWriter } from "./device.js";
import type { Kept } from "./kept.js";
import type { StreamReader } from "./stream-reader.js";
import type { ResumePoint } from "./token.js";

const Hex = z.string().regex(/^[0-9a-f]{64}$/);
const KeptPoint = z.strictObject({ stream: Hex, offsetBytes: z.int().min(0), digest: Hex });

/** How far an earlier attempt has come, as it was kept; undefined if there was none. */
export function pointOf(kept: unknown): ResumePoint | undefined {
	const { success, data } = KeptPoint.safeParse(kept);
	if (!success) return undefined;
	const { stream, offsetBytes, digest } = data;
	return { stream: Buffer.from(stream, "hex"), offsetBytes, digest: Buffer.from(digest, "hex") };
}

/**
 * Receives to the end, and keeps now and then how far it is. The device has to have what the stream says that it goes on from, see
 * `isOfStream`. Throws a FailedError if the stream is not whole.
 */
export async function receive(
	stream: StreamReader,
	device: BlockDevice,
	name: string,
	kept: Kept,
	progress: CopyOptions["progress"],
): Promise<void> {
	const writer = new DeviceWriter(device, name);
	const marked = async (point: ResumePoint): Promise<void> => {
		await writer.sync();
		await kept.write(keptOf(point));
	};
	// The stream says itself where it can be gone on with.
	const options = { progress, reached: async () => {}, everyBytes: Number.POSITIVE_INFINITY };
	await copy(stream.extents(marked), writer, options);
}

/** What is kept of how far a stream has come, as it is written. */
export function keptOf({ stream, offsetBytes, digest }: ResumePoint): object {
	return { stream: stream.toString("hex"), offsetBytes, digest: digest.toString("hex") };
}

/** Whether something that was kept is of the same stream. A stream that begins in the middle has to begin where that ends. */
export function isOfStream(kept: unknown, from: ResumePoint): boolean {
	const point = pointOf(kept);
	const isSame = point?.stream.equals(from.stream) === true;
	if (from.offsetBytes === 0) return isSame;
	if (isSame && point.offsetBytes === from.offsetBytes && point.digest.equals(from.digest)) return true;
	throw new FailedError(
		"the stream goes on from where nothing has been received up to: send it with the token that vblade volume receive --token prints",
	);
}
