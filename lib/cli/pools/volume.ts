/** `vblade volume ...`: makes volumes and looks at them. Called by `commands.ts` with the arguments after the command's name. */

import { shownVolumes } from "../../control/shown-volumes.js";
import { lookNow } from "../../pool/looks.js";
import { type Output, processOutput, understand } from "../client.js";
import { isPath, readPoolPath, readVolumePath, withPool } from "./open-pool.js";
import { VOLUME_CREATE, VOLUME_LS, VOLUME_SHOW } from "./options.js";
import { readSize, tell, volumeNow } from "./tell-volume.js";

/** Resolves to the exit status; throws an OperatorError if the volume can't be made. */
export async function volumeCreateCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_CREATE, argv, output);
	if (line === undefined) return 0;
	const [path = "", size = ""] = line.positionals;
	if (!isPath(path)) return (await import("./in-daemon-changes.js")).createVolume(line, output);
	const { folder, name } = readVolumePath(path);
	const bytes = readSize("size", size);
	const pageBytes = readSize("page", line.last("page") ?? "");
	const look = await withPool(folder, async (pool) => {
		await pool.administration.create(name, bytes, pageBytes);
		return volumeNow(folder, pool, name);
	});
	tell(look, line.has("json"), output);
	return 0;
}

/** Resolves to the exit status. */
export async function volumeShowCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_SHOW, argv, output);
	if (line === undefined) return 0;
	const [path = ""] = line.positionals;
	if (!isPath(path)) return (await import("./in-daemon.js")).showVolume(line, output);
	const { folder, name } = readVolumePath(path);
	const look = await withPool(folder, (pool) => volumeNow(folder, pool, name));
	tell(look, line.has("json"), output);
	return 0;
}

/** Resolves to the exit status. */
export async function volumeLsCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(VOLUME_LS, argv, output);
	if (line === undefined) return 0;
	const [path] = line.positionals;
	if (path === undefined || !isPath(path)) return (await import("./in-daemon.js")).listVolumes(line, output);
	const folder = readPoolPath(path);
	const look = await withPool(folder, (pool) => lookNow(pool, { of: "volumes" }));
	const volumes = shownVolumes(folder, look.volumes);
	const { putVolumes } = await import("./in-daemon.js");
	putVolumes({ volumes, total: volumes.length, next: null, wrong: [] }, line, output);
	return 0;
}
