/**
 * `vblade volume import` and `vblade volume export`: images of disks, raw and qcow2, to volumes and back. Called by `commands.ts` with
 * the arguments after the command's name; both can be interrupted, and go on when they are called once more.
 */

import { stat } from "node:fs/promises";
import { OperatorError } from "../../errors.js";
import { Image } from "../../image/image.js";
import type { ImageFormat } from "../../image/layer.js";
import { copy } from "../../send/copy.js";
import { DeviceWriter } from "../../send/device.js";
import { exportImage } from "../../send/export.js";
import { quote } from "../../text.js";
import { type Output, processOutput, putJson, understand } from "../client.js";
import { withProgress } from "../progress.js";
import { VOLUME_EXPORT, VOLUME_IMPORT } from "./options.js";
import type { Place } from "./place.js";
import { withPlace } from "./pool-place.js";
import { readNewWhere, readWhere } from "./reading.js";
import { readSize } from "./tell-volume.js";
import { fillVolume, hasVolume } from "./unfinished.js";

const FORMATS: readonly ImageFormat[] = ["raw", "qcow2"];

function readFormat(text: string | undefined): ImageFormat | undefined {
	if (text === undefined) return undefined;
	const format = FORMATS.find((name) => name === text);
	if (format === undefined)
		throw new OperatorError(`format ${quote(text)}: ${FORMATS.join(" or ")} is allowed`);
	return format;
}

/** Resolves to the exit status; throws an OperatorError, or a FailedError if the image is damaged or the pool full. */
export async function volumeImportCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_IMPORT, argv, output);
	if (line === undefined) return 0;
	const [path = "", file = ""] = line.positionals;
	const where = readNewWhere(path);
	const pageBytes = readSize("page", line.last("page") ?? "");
	const image = await openImage(file, readFormat(line.last("format")), path);
	try {
		if (image.sizeBytes === 0) throw new OperatorError(`${quote(file)}: is empty`);
		return await withPlace(where, line, output, async (place) => {
			await importImage(place, where.name, pageBytes, image);
			await place.tell(where.name, line.has("json"), output);
		});
	} finally {
		await image.close();
	}
}

/** `path`: what is taken for the volume. */
async function openImage(file: string, format: ImageFormat | undefined, path: string): Promise<Image> {
	try {
		return await Image.open(file, format);
	} catch (error) {
		const wasMeant = error instanceof OperatorError && (await stat(path).catch(() => undefined))?.isFile();
		throw wasMeant ? new OperatorError(`${error.message}; the volume comes first, then the image`) : error;
	}
}

async function importImage(place: Place, name: string, pageBytes: number, image: Image): Promise<void> {
	const offsetOf = (kept: unknown): number | undefined => {
		const { image: state, offsetBytes } = Object(kept) as Record<string, unknown>;
		return state === image.state && Number.isSafeInteger(offsetBytes) ? Number(offsetBytes) : undefined;
	};
	const keptAt = (offsetBytes: number) => ({ image: image.state, offsetBytes });
	const filling = {
		isMine: (kept: unknown) => offsetOf(kept) !== undefined,
		first: keptAt(0),
		isDone: () => hasVolume(place, name),
		finish: (to: Place, part: string) => to.rename(part, name),
		make: (to: Place, part: string) => to.create(part, image.sizeBytes, pageBytes),
	};
	await withProgress(`import ${name}`, image.sizeBytes, (progress) =>
		fillVolume(place, name, filling, async (device, kept) => {
			const begin = offsetOf(await kept.read()) ?? 0;
			const reached = (offset: number): Promise<void> => kept.write(keptAt(offset));
			await copy(image.extents(begin), new DeviceWriter(device, name), { progress, reached });
		}),
	);
}

/** Resolves to the exit status; throws an OperatorError, or a FailedError if the file can't be written. */
export async function volumeExportCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_EXPORT, argv, output);
	if (line === undefined) return 0;
	const [path = "", file = ""] = line.positionals;
	const where = readWhere(path);
	const format = readFormat(line.last("format")) ?? (/\.qcow2$/i.test(file) ? "qcow2" : "raw");
	return withPlace(where, line, output, async ({ contents }) => {
		const { name, id } = await contents.about(where.name);
		const device = await contents.open(name);
		const { sizeBytes } = device.info;
		const options = { format, force: line.has("force") };
		await withProgress(`export ${where.name}`, sizeBytes, (progress) =>
			exportImage({ device, name: path, id }, file, { ...options, progress }),
		).finally(() => device.close());
		if (line.has("json")) putJson(output, { file, format, sizeBytes });
	});
}
