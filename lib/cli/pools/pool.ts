/** `vblade pool ...`: makes pools and looks at them. Called by `commands.ts` with the arguments after the command's name. */

import type { PoolList, Pool as ShownPool } from "../../control/model.js";
import { shownPool } from "../../control/shown-volumes.js";
import { OperatorError } from "../../errors.js";
import { lookAt, makeFolder } from "../../pool/directory-files.js";
import { isCopy } from "../../pool/head-file.js";
import { lookAtPool, lookNow, type PoolLook } from "../../pool/looks.js";
import { Pool } from "../../pool/pool.js";
import type { Preallocation } from "../../pool/preallocate.js";
import type { PoolSettings } from "../../spec/policy.js";
import { oneLine } from "../../text.js";
import { linesText } from "../asking/columns.js";
import { EXIT_FAILED, type Output, processOutput, putJson, understand } from "../client.js";
import { LazyProgress } from "../progress.js";
import { isPath, readPoolPath, withPool } from "./open-pool.js";
import { POOL_CREATE, POOL_LS, POOL_SET, POOL_SHOW } from "./options.js";
import { PAST_OPTIONS, readPoolChange, readPoolSettings } from "./pool-settings.js";
import { poolLines } from "./tell-pool.js";
import { readSize } from "./tell-volume.js";

/** Resolves to the exit status; throws an OperatorError if the pool can't be made. */
export async function poolCreateCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(POOL_CREATE, argv, output);
	if (line === undefined) return 0;
	const [text = ""] = line.positionals;
	if (!isPath(text)) return (await import("./pool-disks.js")).createOnDisks(line, output);
	const folder = readPoolPath(text);
	const size = line.last("size");
	const sizeBytes = size === undefined ? undefined : readSize("size", size);
	const fills = line.has("preallocate");
	if (!fills && size !== undefined) throw new OperatorError("--size: says how much --preallocate writes");
	const other = (["force", "preallocate", ...PAST_OPTIONS] as const).find((name) => line.has(name));
	if (line.has("adopt") && other !== undefined)
		throw new OperatorError(`--adopt: makes nothing new; --${other} does not go with it`);
	const settings = readPoolSettings(line);
	const look = line.has("adopt")
		? await adopt(folder, output)
		: await create(folder, line.has("force"), fills, sizeBytes, settings);
	tell(shownPool(folder, folder, look), line.has("json"), output);
	return 0;
}

/** All that a daemon has, or those at paths. */
export async function poolLsCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(POOL_LS, argv, output);
	if (line === undefined) return 0;
	const { listPools, putPools } = await import("./in-daemon.js");
	const folders = line.positionals.map(readPoolPath);
	if (folders.length === 0) return listPools(line, output);
	const pools: PoolList["pools"] = [];
	for (const path of folders) pools.push(await lookAtOne(path));
	putPools({ pools }, line, output);
	return pools.every(({ reason }) => reason === null) ? 0 : EXIT_FAILED;
}

/** Why it can't be looked at is told with it. */
async function lookAtOne(path: string): Promise<ShownPool> {
	try {
		return shownPool(path, path, await withPool(path, (pool) => lookNow(pool, { of: "pool" })));
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return shownPool(path, path, undefined, error.message.replace(`${path}: `, ""));
	}
}

async function create(
	folder: string,
	force: boolean,
	fills: boolean,
	sizeBytes: number | undefined,
	settings: PoolSettings,
): Promise<PoolLook> {
	await makeFolder(folder);
	if (fills) await checkSize(folder, sizeBytes);
	const shown = new LazyProgress(`preallocate ${folder}`);
	const filling: Preallocation = { sizeBytes, progress: (done, of) => shown.at(done, of) };
	try {
		return await withPool(
			folder,
			async (pool) => {
				await pool.administration.setPool("create", settings);
				return lookAtPool(pool, { of: "pool" });
			},
			(world) => Pool.create(world, { force, filling: fills ? filling : undefined }),
		);
	} finally {
		await shown.stop();
	}
}

/** Also of what is no copy: one of a whole file system is not told from the first. */
async function adopt(folder: string, output: Output): Promise<PoolLook> {
	let wasCopy: boolean | undefined;
	const look = await withPool(
		folder,
		(pool) => lookAtPool(pool, { of: "pool" }),
		async (world) => {
			wasCopy = await isCopy(world);
			return Pool.adopt(world);
		},
	);
	if (wasCopy === false)
		output.err(
			`vblade: note: ${oneLine(folder)}: was no copy that is known as one; all the same its volumes have other serial numbers and world wide names now\n`,
		);
	return look;
}

/** Throws an OperatorError. */
async function checkSize(folder: string, sizeBytes: number | undefined): Promise<void> {
	const { isDevice } = await lookAt(folder);
	if (isDevice && sizeBytes !== undefined)
		throw new OperatorError(
			`${folder}: is a block device, of which --preallocate writes all; leave out --size`,
		);
	if (!isDevice && (sizeBytes ?? 0) === 0)
		throw new OperatorError(`${folder}: is a directory; how much --preallocate is to write says --size`);
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
	const look = await withPool(folder, (pool) => lookNow(pool, { of: "pool" }));
	tell(shownPool(folder, folder, look), line.has("json"), output);
	return 0;
}

/** Says something of one that there is. */
export async function poolSetCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	const line = await understand(POOL_SET, argv, output);
	if (line === undefined) return 0;
	const [text = "", ...words] = line.positionals;
	const change = readPoolChange(words);
	if (!isPath(text)) return (await import("./in-daemon-changes.js")).setPool(line, change, output);
	const folder = readPoolPath(text);
	const look = await withPool(folder, (pool) => {
		if (change.clock !== undefined) pool.time.trust();
		return lookNow(pool, { of: "pool" });
	});
	tell(shownPool(folder, folder, look), line.has("json"), output);
	return 0;
}

function tell(pool: ShownPool, asJson: boolean, output: Output): void {
	if (asJson) putJson(output, pool);
	else output.out(linesText(poolLines(pool)));
}
