/**
 * Writes a snapshot, or any other device that does not change, as an image. An attempt that was interrupted is gone on with by the next
 * one for the same snapshot, file and format. Called by `vblade volume export`.
 */

import { lstat } from "node:fs/promises";
import type { BlockDevice } from "../block/device.js";
import { OperatorError } from "../errors.js";
import type { ImageFormat } from "../image/layer.js";
import { OutputFile, partOf } from "../image/output.js";
import { Qcow2Writer } from "../image/qcow2-writer.js";
import { RawWriter } from "../image/raw-writer.js";
import { quote } from "../text.js";
import { type CopyOptions, copy } from "./copy.js";
import { DeviceReader } from "./device.js";
import { KeptInFile } from "./kept.js";

/** What is exported. */
export interface ExportSource {
	readonly device: BlockDevice;
	/** What people call it. */
	readonly name: string;
	/** Another one for anything that may have other contents. */
	readonly id: string;
}

export type ExportOptions = Pick<CopyOptions, "progress" | "everyBytes"> & {
	readonly format: ImageFormat;
	/** A file of this name is replaced. */
	readonly force: boolean;
};

/** Throws an OperatorError if the file can't be made, a FailedError if it can't be finished. */
export async function exportImage(source: ExportSource, file: string, options: ExportOptions): Promise<void> {
	await refuseExisting(file, options.force);
	const { sizeBytes } = source.device.info;
	const kept = new KeptInFile(`${partOf(file)}.state`);
	const what = { id: source.id, format: options.format, sizeBytes };
	const from = offsetOf(await kept.read(), what);
	const output = await OutputFile.open(file);
	try {
		if (from === 0) await output.truncate(0);
		const writer =
			options.format === "raw" ? new RawWriter(output, sizeBytes) : new Qcow2Writer(output, sizeBytes);
		const reader = new DeviceReader(source.device, source.name);
		for await (const run of reader.runs(0, from)) await writer.skip(run);
		await copy(reader.extents(from, sizeBytes), writer, {
			...options,
			reached: (offsetBytes) => kept.write({ ...what, offsetBytes }),
		});
		await writer.finish();
	} finally {
		await output.close();
	}
	await kept.remove();
}

async function refuseExisting(file: string, force: boolean): Promise<void> {
	const there = await lstat(file).catch(() => undefined);
	if (there === undefined) return;
	if (!there.isFile()) throw new OperatorError(`${quote(file)}: is there already, and is no file`);
	if (!force) throw new OperatorError(`${quote(file)}: is there already (--force replaces it)`);
}

/** How far an earlier attempt has come; 0 if there was none, or it was of something else. */
function offsetOf(kept: unknown, what: Readonly<Record<string, unknown>>): number {
	if (typeof kept !== "object" || kept === null) return 0;
	const { offsetBytes, ...of } = kept as Record<string, unknown>;
	const isSame = JSON.stringify(of) === JSON.stringify(what);
	return isSame && Number.isSafeInteger(offsetBytes) ? Math.max(0, Number(offsetBytes)) : 0;
}
