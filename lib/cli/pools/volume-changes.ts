/**
 * Commands that change volumes and snapshots, of a pool that no daemon has open; what a daemon has is for `in-daemon-changes.ts`. Called by
 * `commands.ts` with the arguments after the command's name; each resolves to the exit status, and throws an OperatorError if it can't be done.
 */

import { OperatorError } from "../../errors.js";
import type { Pool } from "../../pool/pool.js";
import type { CommandLine } from "../../spec/getopt.js";
import { settingsChange } from "../../spec/volume-schema.js";
import { quote } from "../../text.js";
import { type Output, processOutput, understand } from "../client.js";
import type { Form } from "../forms.js";
import { newName } from "./new-name.js";
import { isPath, readVolumePath, withPool } from "./open-pool.js";
import {
	VOLUME_CLONE,
	VOLUME_HOLD,
	VOLUME_RELEASE,
	VOLUME_RENAME,
	VOLUME_RESIZE,
	VOLUME_ROLLBACK,
	VOLUME_SET,
	VOLUME_SNAPSHOT,
} from "./options.js";
import { readSize, snapshotsNow, tell, tellTaken, volumeNow } from "./tell-volume.js";
import { readVolumeSettings } from "./volume-settings.js";

interface SnapshotPath {
	readonly folder: string;
	readonly volume: string;
	readonly name: string;
}

/** What `PATH/NAME@SNAPSHOT` says. Throws an OperatorError. */
function readSnapshotPath(text: string): SnapshotPath {
	const { folder, name: rest } = readVolumePath(text);
	const [volume = "", name = "", ...others] = rest.split("@");
	if (volume !== "" && name !== "" && others.length === 0) return { folder, volume, name };
	throw new OperatorError(
		`snapshot ${quote(text)}: PATH/NAME@SNAPSHOT is allowed, as in /srv/pool/web@monday`,
	);
}

type InDaemon = typeof import("./in-daemon-changes.js");

/** Names the volume of which a command that has changed something tells. */
type Act = (pool: Pool, words: readonly string[]) => Promise<string>;

/** Does `act` in the pool at `folder` and tells of the volume that it names. */
async function changing(
	form: Form<"help" | "json" | "shrink" | "force" | "socket">,
	argv: readonly string[],
	output: Output,
	where: (words: readonly string[]) => { readonly folder: string },
	act: (words: readonly string[], has: (option: "shrink") => boolean) => Act,
	inDaemon: Exclude<keyof InDaemon, "setPool" | "createVolume" | "takeSnapshots" | "removeSnapshot">,
): Promise<number> {
	const line = await understand(form, argv, output);
	if (line === undefined) return 0;
	const words = line.positionals;
	if (!isPath(words[0] ?? "")) return (await import("./in-daemon-changes.js"))[inDaemon](line, output);
	const { folder } = where(words);
	const look = await withPool(folder, async (pool) =>
		volumeNow(folder, pool, await act(words, (option) => line.has(option))(pool, words)),
	);
	tell(look, line.has("json"), output);
	return 0;
}

const atVolume = ([first = ""]: readonly string[]) => readVolumePath(first);
const atSnapshot = ([first = ""]: readonly string[]) => readSnapshotPath(first);

export function volumeRenameCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return changing(
		VOLUME_RENAME,
		argv,
		output,
		atVolume,
		([path = "", to = ""]) =>
			async (pool) => {
				const name = newName(path, to);
				await pool.administration.rename(readVolumePath(path).name, name);
				return name;
			},
		"renameVolume",
	);
}

export function volumeResizeCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return changing(
		VOLUME_RESIZE,
		argv,
		output,
		atVolume,
		([path = "", size = ""], has) => {
			const bytes = readSize("size", size);
			const { name } = readVolumePath(path);
			return async (pool) => (await pool.administration.resize(name, bytes, has("shrink"))).name;
		},
		"resizeVolume",
	);
}

export function volumeSetCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return changing(
		VOLUME_SET,
		argv,
		output,
		atVolume,
		([path = "", ...words]) => {
			const { name } = readVolumePath(path);
			const change = settingsChange(readVolumeSettings(words).change);
			return async (pool) => (await pool.administration.set(name, change)).name;
		},
		"setVolume",
	);
}

/** All in one pool, at one moment. */
export async function volumeSnapshotCommand(
	argv: readonly string[],
	output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_SNAPSHOT, argv, output);
	if (line === undefined) return 0;
	if (!isPath(line.positionals[0] ?? ""))
		return (await import("./in-daemon-changes.js")).takeSnapshots(line, output);
	const wanted = line.positionals.map(readSnapshotPath);
	const [first] = wanted;
	const other = wanted.find(({ folder }) => folder !== first?.folder);
	if (first === undefined || other !== undefined)
		throw new OperatorError(`${quote(other?.folder ?? "")}: snapshots of one moment are of one pool`);
	const { folder } = first;
	const snapshots = await withPool(folder, async (pool) => {
		await pool.administration.takeSnapshots(wanted);
		const names = wanted.map(({ volume, name }) => `${volume}@${name}`);
		return snapshotsNow(folder, pool, names);
	});
	tellTaken({ snapshots, total: snapshots.length, next: null }, line.has("json"), output);
	return 0;
}

export function volumeCloneCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return changing(
		VOLUME_CLONE,
		argv,
		output,
		atSnapshot,
		([path = "", to = ""]) =>
			async (pool) => {
				const { volume, name } = readSnapshotPath(path);
				return (await pool.administration.clone(volume, name, newName(path, to))).name;
			},
		"cloneVolume",
	);
}

export function volumeRollbackCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return changing(
		VOLUME_ROLLBACK,
		argv,
		output,
		atSnapshot,
		([path = ""]) =>
			async (pool) => {
				const { volume, name } = readSnapshotPath(path);
				await pool.administration.rollback(volume, name);
				return volume;
			},
		"rollBackVolume",
	);
}

export function volumeHoldCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return changing(
		VOLUME_HOLD,
		argv,
		output,
		atSnapshot,
		([path = ""]) => holding(path, true),
		"holdSnapshot",
	);
}

export function volumeReleaseCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return changing(
		VOLUME_RELEASE,
		argv,
		output,
		atSnapshot,
		([path = ""]) => holding(path, false),
		"releaseSnapshot",
	);
}

function holding(path: string, isHeld: boolean): Act {
	return async (pool) => {
		const { volume, name } = readSnapshotPath(path);
		await pool.administration.hold(volume, name, isHeld);
		return volume;
	};
}

/** What `volume rm` does with one. */
export async function forgetSnapshot(
	line: Pick<CommandLine<"json">, "has" | "positionals">,
	output: Output,
): Promise<number> {
	const { folder, volume, name } = readSnapshotPath(line.positionals[0] ?? "");
	const look = await withPool(folder, async (pool) => {
		await pool.administration.forget(volume, name);
		return volumeNow(folder, pool, volume);
	});
	tell(look, line.has("json"), output);
	return 0;
}
