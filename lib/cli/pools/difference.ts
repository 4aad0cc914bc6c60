/**
 * `vblade volume diff`: where two snapshots or moments of volumes differ. Called by `commands.ts` with the arguments after the command's name;
 * `stream.ts` sends what differs.
 */

import type { BlockDevice } from "../../block/device.js";
import { OperatorError } from "../../errors.js";
import type { Extent } from "../../image/extent.js";
import { volumeIn } from "../../pool/past.js";
import type { Pool } from "../../pool/pool.js";
import { DeviceReader } from "../../send/device.js";
import type { Range } from "../../send/send.js";
import { quote } from "../../text.js";
import { type Output, processOutput, putJson, understand } from "../client.js";
import { readVolumePath, withPool } from "./open-pool.js";
import { VOLUME_DIFF } from "./options.js";
import { openToCopy } from "./unfinished.js";

/** What may differ between two names, as the maps tell it: pages that were written anew, in order, from a byte on and up to another. */
export async function* changedBytes(
	pool: Pool,
	before: string,
	after: string,
	begin: number,
	end: number,
): AsyncGenerator<Range & { readonly mayBeSame: boolean }> {
	const pageBytes = pageBytesOf(pool, after);
	for await (const { page, count, mayBeSame } of pool.changes(before, after, Math.floor(begin / pageBytes))) {
		const offsetBytes = Math.max(begin, page * pageBytes);
		const rangeEnd = Math.min(end, (page + count) * pageBytes);
		if (offsetBytes < rangeEnd) yield { offsetBytes, lengthBytes: rangeEnd - offsetBytes, mayBeSame };
	}
}

/** Of the volume of which something is named. Throws an OperatorError if there is none. */
export function pageBytesOf(pool: Pool, name: string): number {
	return pool.administration.volume(volumeIn(name)).pageBytes;
}

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
	const { folder, name: before } = readVolumePath(path);
	if (!before.includes("@"))
		throw new OperatorError(`${quote(path)}: PATH/NAME@SNAPSHOT is allowed, or a moment: PATH/NAME@-10m`);
	const after = other === undefined ? volumeIn(before) : readVolumePath(other).name;
	const found = await withPool(folder, (pool) => compare(pool, before, after));
	if (line.has("json")) putJson(output, found);
	else
		for (const { offsetBytes, lengthBytes, kind } of found)
			output.out(`${offsetBytes} ${lengthBytes} ${kind}\n`);
	return 0;
}

async function compare(pool: Pool, before: string, after: string): Promise<Difference[]> {
	const one = await openToCopy(pool, before, true);
	const two = await openToCopy(pool, after, true);
	try {
		const found: Difference[] = [];
		const pageBytes = pageBytesOf(pool, after);
		for await (const range of changedBytes(pool, before, after, 0, two.info.sizeBytes)) {
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
