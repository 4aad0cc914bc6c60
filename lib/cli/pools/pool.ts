/** `vblade pool ...`: makes pools and looks at them. Called by `commands.ts` with the arguments after the command's name. */

import { makeFolder } from "../../pool/directory-files.js";
import { Pool, type PoolState } from "../../pool/pool.js";
import { sizeText } from "../../text.js";
import { type Output, processOutput, putJson, understand } from "../client.js";
import { isPath, putRows, readPoolPath, withPool } from "./open-pool.js";
import { POOL_CREATE, POOL_LS, POOL_SHOW } from "./options.js";

/** Resolves to the exit status; throws an OperatorError if the pool can't be made. */
export async function poolCreateCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(POOL_CREATE, argv, output);
	if (line === undefined) return 0;
	const folder = readPoolPath(line.positionals[0] ?? "");
	await makeFolder(folder);
	const state = await withPool(folder, (pool) => pool.state, Pool.create);
	tell(folder, state, line.has("json"), output);
	return 0;
}

/** All that a daemon has. */
export async function poolLsCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(POOL_LS, argv, output);
	return line === undefined ? 0 : (await import("./in-daemon.js")).listPools(line, output);
}

/** The same for one that there is. */
export async function poolShowCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(POOL_SHOW, argv, output);
	if (line === undefined) return 0;
	const [text = ""] = line.positionals;
	if (!isPath(text)) return (await import("./in-daemon.js")).showPool(line, output);
	const folder = readPoolPath(text);
	const state = await withPool(folder, (pool) => pool.state);
	tell(folder, state, line.has("json"), output);
	return 0;
}

function tell(folder: string, state: PoolState, asJson: boolean, output: Output): void {
	if (asJson) {
		putJson(output, { path: folder, ...state });
		return;
	}
	const rows = [
		["pool", folder],
		["format", String(state.format)],
		["volumes", String(state.volumes)],
		["used", sizeText(state.usedBytes)],
	];
	putRows(output, rows);
}
