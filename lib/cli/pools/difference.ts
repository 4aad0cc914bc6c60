/**
 * `vblade volume diff`: where two snapshots or moments of volumes differ. Called by `commands.ts` with the arguments after the command's name;
 * `stream.ts` sends what differs.
 */

import type { BlockDevice } from "../../block/device.js";
import { OperatorError } from "../../errors.js";
import type { Extent } from "../../image/extent.js";
import { volumeIn } from "../../pool/past.js";
import { DeviceReader } from "../../send/device.js";
import type { Range } from "../../send/send.js";
import { quote } from "../../text.js";
import { type Output, processOutput, putJson, understand } from "../client.js";
import { type Contents, changedBytes } from "./contents.js";
import { VOLUME_DIFF } from "./options.js";
import { withPlace } from "./pool-place.js";
import { readWhere } from "./reading.js";

interface Difference extends Range {
	readonly kind: "data" | "zero";
}

/** Resolves to the exit status: 0, whether there is a difference or not. Throws an OperatorError. */
export async function volumeDiffCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_DIFF, argv, output);
	if (line === undefined) return 0;
	const [path = "", other] = line.positionals;
	const where = readWhere(path);
	const before = where.name;
	if (!before.includes("@"))
		throw new OperatorError(`${quote(path)}: PATH/NAME@SNAPSHOT is allowed, or a moment: PATH/NAME@-10m`);
	const is = other === undefined ? { ...where, name: volumeIn(before) } : readWhere(other);
	if (is.folder !== where.folder)
		throw new OperatorError(`${quote(other ?? "")}: only what is in the same pool is compared`);
	const after = is.name;
	return withPlace(where, line, output, async ({ contents }) => {
		const found = await compare(contents, before, after);
		if (line.has("json")) putJson(output, found);
		else
			for (const { offsetBytes, lengthBytes, kind } of found)
				output.out(`${offsetBytes} ${lengthBytes} ${kind}\n`);
	});
}

async function compare(contents: Contents, wasName: string, isName: string): Promise<Difference[]> {
	const [{ name: before }, { name: after, pageBytes }] = [
		await contents.about(wasName),
		await contents.about(isName),
	];
	const one = await contents.open(before);
	const two = await contents.open(after);
	try {
		const found: Difference[] = [];
		for await (const range of changedBytes(contents, before, after, 0, two.info.sizeBytes)) {
			const { offsetBytes, lengthBytes, mayBeSame } = range;
			for await (const extent of new DeviceReader(two, after).extents(offsetBytes, offsetBytes + lengthBytes))
				if (mayBeSame) await addPages(found, extent, one, before, pageBytes);
				else add(found, extent);
		}
		return found;
	} finally {
		await one.close();
		await two.close();
	}
}

/** Those pages of an extent that are other bytes on another device. */
async function addPages(
	found: Difference[],
	extent: Extent,
	device: BlockDevice,
	name: string,
	pageBytes: number,
): Promise<void> {
	const { kind, offsetBytes, lengthBytes, bytes } = extent;
	const [before, after] = [Buffer.alloc(lengthBytes), Buffer.alloc(lengthBytes)];
	after.set(bytes);
	for await (const part of new DeviceReader(device, name).extents(offsetBytes, offsetBytes + lengthBytes))
		before.set(part.bytes, part.offsetBytes - offsetBytes);
	for (let at = 0; at < lengthBytes; at += pageBytes) {
		const length = Math.min(pageBytes, lengthBytes - at);
		const isSame = before.subarray(at, at + length).equals(after.subarray(at, at + length));
		if (!isSame) add(found, { kind, offsetBytes: offsetBytes + at, lengthBytes: length });
	}
}

/** Joined with the one before it, if it goes on from there. */
function add(found: Difference[], { kind, offsetBytes, lengthBytes }: Omit<Extent, "bytes">): void {
	const shown = kind === "data" ? "data" : "zero";
	const last = found.at(-1);
	const joins = last?.kind === shown && last.offsetBytes + last.lengthBytes === offsetBytes;
	if (last !== undefined && joins)
		found[found.length - 1] = { ...last, lengthBytes: last.lengthBytes + lengthBytes };
	else found.push({ offsetBytes, lengthBytes, kind: shown });
}
