/**
 * Pools that the configuration names or a server has open: whether each is there, whole at a glance, and the one that it was; and room
 * for its log to go on. (Whether all of it is as it was written, `vblade pool scrub` finds out.)
 */

import { open, statfs } from "node:fs/promises";
import path from "node:path";
import { parse } from "smol-toml";
import { OperatorError } from "../errors.js";
import { lookAt, type PoolLook } from "../pool/directory-files.js";
import { fileName, fileNumber, HEAD_NAME } from "../pool/folder.js";
import { BLOCK_BYTES, FILE_BYTES } from "../pool/format.js";
import { decodeHead, HEAD_FILE_BYTES } from "../pool/head.js";
import { sizeText } from "../text.js";
import { type Check, type Context, type Finding, fault, ok, warn } from "./check.js";
import { configurationOf } from "./configuration.js";

const CONFIGURATION = "/etc/vblade/vblade.toml";
/** Less than that is soon written. */
const LOW_BYTES = 16 * FILE_BYTES;

export const pools: Check = {
	name: "pools",
	limitMs: 10_000,
	async run(context) {
		const found: Finding[] = [];
		for (const pool of poolsOf(context)) found.push(...(await judge(pool)));
		return found;
	},
};

/** Their paths. */
function poolsOf({ machine, servers }: Context): ReadonlySet<string> {
	const found = new Set<string>();
	for (const text of configurationOf(machine, CONFIGURATION).values())
		for (const pool of namedIn(text)) found.add(path.resolve(pool));
	for (const { name } of servers.flatMap((server) => server.files))
		if (path.basename(name) === HEAD_NAME) found.add(path.dirname(name));
	return found;
}

function namedIn(text: string): string[] {
	try {
		const tables = Object.values(Object(parse(text).pool));
		return tables.map((table) => Object(table).path).filter((pool) => typeof pool === "string");
	} catch {
		return [];
	}
}

async function judge(pool: string): Promise<Finding[]> {
	try {
		const look = await lookAt(pool);
		if (!look.isDevice && !look.names.includes(HEAD_NAME)) throw new OperatorError(`${pool}: is no pool`);
		const found = [...(await judgeHead(pool, look)), ...judgeFiles(pool, look)];
		if (!look.isDevice) found.push(...(await judgeSpace(pool)));
		return found.length > 0 ? found : [ok(`the pool ${pool} is there, and has room to go on`)];
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return [fault(`the pool ${error.message}`, "no disk on its volumes can be served")];
	}
}

/** Throws an OperatorError if it has no head that can be read. */
async function judgeHead(pool: string, { isDevice, site }: PoolLook): Promise<Finding[]> {
	const name = isDevice ? pool : path.join(pool, HEAD_NAME);
	const bytes = await beginningOf(name);
	const copies = [0, BLOCK_BYTES].map((at) => decodeHead(bytes.subarray(at, at + BLOCK_BYTES), name));
	const [head] = copies
		.filter((copy) => copy !== undefined)
		.sort((one, other) => other.generation - one.generation);
	if (head === undefined)
		throw new OperatorError(`${name}: no head of a pool, or both of its copies are damaged`);
	const found: Finding[] = [];
	if (copies.includes(undefined))
		found.push(
			warn(
				`one of the two copies of the head of the pool ${pool} is damaged`,
				"it is written anew when the pool is opened, and every half minute; the storage may be failing",
				"vblade pool scrub reads all of the pool",
			),
		);
	if (head.site !== undefined && site !== undefined && head.site !== site)
		found.push(
			fault(
				`the pool ${pool} is a copy of one that was made somewhere else`,
				"it is not opened, so that nobody takes its volumes for those of the first one",
				"vblade pool create --adopt makes a pool of its own of it",
			),
		);
	return found;
}

async function beginningOf(file: string): Promise<Uint8Array> {
	const bytes = new Uint8Array(HEAD_FILE_BYTES);
	try {
		const handle = await open(file, "r");
		await handle.read(bytes, 0, HEAD_FILE_BYTES, 0).finally(() => handle.close());
	} catch (error) {
		throw new OperatorError(`${file}: can't be read (${(error as NodeJS.ErrnoException).code})`);
	}
	return bytes;
}

/** Each but the last has one behind it. */
function judgeFiles(pool: string, { names }: PoolLook): Finding[] {
	const last = Math.max(-1, ...names.map((name) => fileNumber(name) ?? -1));
	const missing = Array.from({ length: last }, (_, file) => fileName(file)).filter(
		(name) => !names.includes(name),
	);
	return missing.map((name) =>
		fault(`${path.join(pool, name)} is missing`, "the pool is not opened without it"),
	);
}

async function judgeSpace(pool: string): Promise<Finding[]> {
	const { bsize, blocks, bavail } = await statfs(pool);
	const freeBytes = bavail * bsize;
	if (freeBytes >= LOW_BYTES) return [];
	const tell = freeBytes < FILE_BYTES ? fault : warn;
	return [
		tell(
			`the file system of the pool ${pool} has ${sizeText(freeBytes)} free, of ${sizeText(blocks * bsize)}`,
			`its log goes on in files of ${sizeText(FILE_BYTES)}; without room for one, writes are refused`,
			"make room there: the pool goes on by itself",
		),
	];
}
