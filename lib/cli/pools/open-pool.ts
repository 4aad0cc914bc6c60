/**
 * What the commands of pools and volumes have in common: a pool that no daemon has open is opened by this process, for as long as the
 * command takes. Used by `pool.ts` and `volume.ts`.
 */

import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import type { BlockDevice } from "../../block/device.js";
import { StorageEngine } from "../../block/engine.js";
import { InUseError, OperatorError } from "../../errors.js";
import { complain } from "../../output.js";
import { poolWorld } from "../../pool/directory.js";
import { HEAD_NAME, type PoolWorld } from "../../pool/folder.js";
import { Pool } from "../../pool/pool.js";
import { openVolumeStack } from "../../pool/volume-stack.js";
import { Pump } from "../../pump.js";
import { quote } from "../../text.js";
import type { Output } from "../client.js";

/** Otherwise it is the name of a pool in the configuration of a running daemon, or begins with one. */
export function isPath(text: string): boolean {
	return /^[/.]/.test(text);
}

/** For where no daemon is there to know the name: what its user may have meant. */
export function maybePath(name: string): string {
	return `a path begins with / or .: ${quote(`./${name}`)}`;
}

/** The path of a pool. Throws an OperatorError. */
export function readPoolPath(text: string): string {
	if (isPath(text) && !text.includes("\0")) return text;
	throw new OperatorError(`pool ${quote(text)}: a path that begins with / or . is allowed`);
}

/** What `PATH/NAME` says. Throws an OperatorError. */
export function readVolumePath(text: string): { folder: string; name: string } {
	const slash = text.lastIndexOf("/");
	const name = text.slice(slash + 1);
	if (slash < 0 || name === "")
		throw new OperatorError(`volume ${quote(text)}: PATH/NAME is allowed, as in /srv/pool/web`);
	const folder = readPoolPath(slash === 0 ? "/" : text.slice(0, slash));
	if (mayBePool(text) && !mayBePool(folder))
		throw new OperatorError(
			`volume ${quote(text)}: is a pool; its volumes are called ${quote(`${text}/NAME`)}`,
		);
	return { folder, name };
}

/** As far as it can be told at a glance. */
function mayBePool(path: string): boolean {
	try {
		return statSync(path).isBlockDevice() || existsSync(join(path, HEAD_NAME));
	} catch {
		return false;
	}
}

/** Does `work` with the pool in a directory or on a device, opened or made by `open`. */
export function withPool<T>(
	folder: string,
	work: (pool: Pool) => Promise<T> | T,
	open: (world: PoolWorld) => Promise<Pool> = (world) => Pool.open(world),
): Promise<T> {
	return withWorld(folder, async (world) => {
		const pool = await open(world);
		pool.tell = ({ level, message }) => level !== "info" && complain(`vblade: note: ${folder}: ${message}\n`);
		pool.time.tell();
		try {
			return await work(pool);
		} finally {
			await pool.close();
		}
	});
}

/** Does `work` with what the pool there stands on. Throws an OperatorError that says who has it, if somebody has. */
export async function withWorld<T>(folder: string, work: (world: PoolWorld) => Promise<T>): Promise<T> {
	const pump = new Pump();
	const engine = new StorageEngine(pump);
	try {
		return await work(await poolWorld(folder, engine, pump));
	} catch (error) {
		throw error instanceof InUseError ? await (await import("./in-use.js")).namingUser(folder, error) : error;
	} finally {
		engine.close();
	}
}

/** A volume with the layers that make it one to write to: what has been written is safe when it is flushed. */
export async function openToCopy(pool: Pool, name: string, readOnly: boolean): Promise<BlockDevice> {
	const whole = { offsetSectors: 0, lengthSectors: undefined };
	return (await openVolumeStack(pool, name, { ...whole, durability: "flush", readOnly })).device;
}

/** What there is to say of a pool or a volume, a line each. */
export function putRows(output: Output, rows: readonly (readonly string[])[]): void {
	for (const [name = "", value = ""] of rows) output.out(`${name.padEnd(10)}${value}\n`);
}
