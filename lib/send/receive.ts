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

/** How far an earlier attempt has come; undefined if there was none. */
export async function keptPoint(kept: Kept): Promise<ResumePoint | undefined> {
	const { success, data } = KeptPoint.safeParse(await kept.read());
	if (!success) return undefined;
	const { stream, offsetBytes, digest } = data;
	return { stream: Buffer.from(stream, "hex"), offsetBytes, digest: Buffer.from(digest, "hex") };
}

/**
 * Receives to the end, and keeps now and then how far it is. The device has to have what the stream says that it goes on from. Throws a
 * FailedError if the stream is not whole.
 */
export async function receive(
	stream: StreamReader,
	device: BlockDevice,
	name: string,
	kept: Kept,
	progress: CopyOptions["progress"],
): Promise<void> {
	await holdAgainst(stream.point, kept);
	const writer = new DeviceWriter(device, name);
	const marked = async ({ stream: id, offsetBytes, digest }: ResumePoint): Promise<void> => {
		await writer.sync();
		await kept.write({ stream: id.toString("hex"), offsetBytes, digest: digest.toString("hex") });
	};
	// The stream says itself where it can be gone on with.
	const options = { progress, reached: async () => {}, everyBytes: Number.POSITIVE_INFINITY };
	await copy(stream.extents(marked), writer, options);
}

/** A stream that begins in the middle has to begin where an earlier one has been kept. */
async function holdAgainst(from: ResumePoint, kept: Kept): Promise<void> {
	if (from.offsetBytes === 0) return;
	const point = await keptPoint(kept);
	const isKept = point?.stream.equals(from.stream) && point.offsetBytes === from.offsetBytes;
	if (!isKept || !point?.digest.equals(from.digest))
		throw new FailedError(
			"the stream goes on from where nothing has been received up to; send it again with the token that is shown",
		);
}
