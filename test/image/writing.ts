/** Rows of extents for tests, and what writes them as an image. */

import { dataLength, type Extent, type ExtentKind, NO_BYTES } from "../../lib/image/extent.js";
import type { ImageFormat } from "../../lib/image/layer.js";
import type { OutputFile } from "../../lib/image/output.js";
import { Qcow2Writer } from "../../lib/image/qcow2-writer.js";
import { RawWriter } from "../../lib/image/raw-writer.js";
import type { ImageWriter } from "../../lib/image/writer.js";
import { pattern } from "./images.js";

const SECTOR = 512;

export function writerOf(format: ImageFormat, output: OutputFile, sizeBytes: number): ImageWriter {
	return format === "raw" ? new RawWriter(output, sizeBytes) : new Qcow2Writer(output, sizeBytes);
}

/** Parts one behind the other, as extents; data in pieces that are not too long. */
export function row(parts: readonly { kind: ExtentKind; sectors: number }[]): {
	sizeBytes: number;
	extents: Extent[];
} {
	const extents: Extent[] = [];
	let offset = 0;
	for (const { kind, sectors } of parts)
		for (const end = offset + sectors * SECTOR; offset < end; ) {
			const lengthBytes = kind === "data" ? dataLength(offset, end) : end - offset;
			const bytes = kind === "data" ? pattern(lengthBytes, 1 + (extents.length % 200)) : NO_BYTES;
			extents.push({ kind, offsetBytes: offset, lengthBytes, bytes });
			offset += lengthBytes;
		}
	return { sizeBytes: offset, extents };
}
