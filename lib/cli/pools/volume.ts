/** `vblade volume ...`: makes volumes and looks at them. Called by `commands.ts` with the arguments after the command's name. */

import { OperatorError } from "../../errors.js";
import type { Volume } from "../../pool/catalog.js";
import type { Pool } from "../../pool/pool.js";
import { sizeBytes } from "../../spec/values.js";
import { quote, sizeText } from "../../text.js";
import { type Output, processOutput, putJson, understand } from "../client.js";
import { putRows, readPoolPath, readVolumePath, withPool } from "./open-pool.js";
import { VOLUME_CREATE, VOLUME_LS, VOLUME_SHOW } from "./options.js";

/** What is said of a volume. */
export interface VolumeLook {
	readonly name: string;
	readonly sizeBytes: number;
	readonly pageBytes: number;
	readonly usedBytes: number;
	readonly created: string;
	readonly serial: string;
	readonly wwn: string;
	readonly snapshots: readonly SnapshotLook[];
}

interface SnapshotLook {
	readonly name: string;
	readonly sizeBytes: number;
	readonly created: string;
	readonly held: boolean;
}

export function lookAt(pool: Pool, volume: Volume): VolumeLook {
	const { line: _, createdUs, snapshots, ...known } = volume;
	return {
		...known,
		usedBytes: pool.usedBytesOf(volume),
		created: timeText(createdUs),
		snapshots: snapshots.map(({ name, sizeBytes, timeUs, isHeld }) => {
			return { name, sizeBytes, created: timeText(timeUs), held: isHeld };
		}),
	};
}

function timeText(timeUs: number): string {
	return new Date(timeUs / 1000).toISOString();
}

/** Resolves to the exit status; throws an OperatorError if the volume can't be made. */
export async function volumeCreateCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_CREATE, argv, output);
	if (line === undefined) return 0;
	const [path = "", size = ""] = line.positionals;
	const { folder, name } = readVolumePath(path);
	const bytes = readSize("size", size);
	const pageBytes = readSize("page", line.last("page") ?? "");
	const look = await withPool(folder, async (pool) =>
		lookAt(pool, await pool.administration.create(name, bytes, pageBytes)),
	);
	tell(look, line.has("json"), output);
	return 0;
}

/** Throws an OperatorError. */
export function readSize(what: string, text: string): number {
	const bytes = sizeBytes(text);
	if (bytes !== undefined) return bytes;
	throw new OperatorError(
		`${what} ${quote(text)}: a number is allowed, with K, M, G or T if it is more than bytes`,
	);
}

/** Resolves to the exit status. */
export async function volumeShowCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_SHOW, argv, output);
	if (line === undefined) return 0;
	const { folder, name } = readVolumePath(line.positionals[0] ?? "");
	const look = await withPool(folder, (pool) => lookAt(pool, pool.administration.volume(name)));
	tell(look, line.has("json"), output);
	return 0;
}

/** Says what there is to say of a volume. */
export function tell(look: VolumeLook, asJson: boolean, output: Output): void {
	if (asJson) {
		putJson(output, look);
		return;
	}
	const rows = [
		["volume", look.name],
		["size", sizeText(look.sizeBytes)],
		["used", sizeText(look.usedBytes)],
		["page", sizeText(look.pageBytes)],
		["created", look.created],
		["serial", look.serial],
		["wwn", look.wwn],
	];
	for (const { name, created, held } of look.snapshots)
		rows.push(["snapshot", `${name}  ${created}${held ? "  held" : ""}`]);
	putRows(output, rows);
}

/** Resolves to the exit status. */
export async function volumeLsCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_LS, argv, output);
	if (line === undefined) return 0;
	const folder = readPoolPath(line.positionals[0] ?? "");
	const looks = await withPool(folder, (pool) => pool.volumes.map((volume) => lookAt(pool, volume)));
	if (line.has("json")) putJson(output, looks);
	else
		for (const { name, sizeBytes: size, usedBytes } of looks)
			output.out(`${name.padEnd(24)}${sizeText(size).padStart(8)}${sizeText(usedBytes).padStart(8)}\n`);
	return 0;
}
