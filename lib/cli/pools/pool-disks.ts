/** Pools on disks, and in object stores, of a running daemon: `vblade pool create NAME`, `add`, `remove`, `takeover`, `handover`, `promote` and `demote`. Called by `commands.ts`, and by `pool.ts`. */

import { Pool, PoolHandover } from "../../control/model.js";
import { OperatorError } from "../../errors.js";
import { readNumber } from "../../spec/numbers.js";
import { queryOf } from "../asking/asking.js";
import { AskError } from "../asking/client.js";
import { type Output, processOutput, putJson, understand } from "../client.js";
import { followJob } from "./following.js";
import { asked, askedByName, type Line, putPool } from "./in-daemon.js";
import { POOL_ADD, POOL_REMOVE } from "./options.js";
import { POOL_DEMOTE, POOL_HANDOVER, POOL_PROMOTE, POOL_TAKEOVER } from "./owner-options.js";
import { PAST_OPTIONS } from "./pool-settings.js";
import { readSize } from "./tell-volume.js";

type CreateLine = Line<"force" | "preallocate" | "size" | "adopt" | (typeof PAST_OPTIONS)[number]>;

/** What it keeps the configuration says. Resolves to the exit status. Throws an OperatorError for what is not for such pools. */
export function createOnDisks(line: CreateLine, output: Output): Promise<number> {
	const other = (["preallocate", "size", "adopt", ...PAST_OPTIONS] as const).find((name) => line.has(name));
	if (other !== undefined)
		throw new OperatorError(`--${other}: is for pools at a path, which begins with / or .`);
	const body = { name: line.positionals[0] ?? "", force: line.has("force") };
	return asked(line, output, async (daemon) => {
		putPool(await daemon.send("POST", "/api/v1/pools", Pool, { body }), line, output);
	});
}

const STATUS_CONFLICT = 409;

const addressOf = (pool: string): string => `/api/v1/pools/${encodeURIComponent(pool)}`;

export async function poolAddCommand(argv: readonly string[], output = processOutput): Promise<number> {
	const line = await understand(POOL_ADD, argv, output);
	if (line === undefined) return 0;
	const [pool = "", disk = ""] = line.positionals;
	const body = { disk, force: line.has("force") };
	return asked(line, output, async (daemon) => {
		putPool(await daemon.send("POST", `${addressOf(pool)}/disks`, Pool, { body }), line, output);
	});
}

/** Throws an OperatorError without the figure: nobody loses anything by the way. */
export async function poolTakeoverCommand(argv: readonly string[], output = processOutput): Promise<number> {
	const line = await understand(POOL_TAKEOVER, argv, output);
	if (line === undefined) return 0;
	const [pool = ""] = line.positionals;
	const [lose, forget] = [line.last("lose"), line.last("forget")];
	if (lose !== undefined && forget !== undefined)
		throw new OperatorError("--lose and --forget do not go together");
	if (lose === undefined && forget === undefined)
		throw new OperatorError(
			`--lose is missing: how many bytes may be lost, as vblade pool ls says of ${pool}`,
		);
	const body =
		forget === undefined
			? { loseBytes: readSize("lose", lose ?? "") }
			: {
					forgetEpoch: readNumber("forget", forget, {
						min: 1,
						max: Number.MAX_SAFE_INTEGER,
						called: "an epoch",
					}),
				};
	return asked(line, output, async (daemon) => {
		const at = `${addressOf(pool)}/takeover`;
		putPool(await orWrong(daemon.send("POST", at, Pool, { body })), line, output);
	});
}

/** What a pool is not made for is asked of it by mistake. Throws an OperatorError then. */
async function orWrong<T>(asked: Promise<T>): Promise<T> {
	try {
		return await asked;
	} catch (error) {
		if (!(error instanceof AskError) || error.status !== STATUS_CONFLICT) throw error;
		throw new OperatorError(error.message);
	}
}

export async function poolPromoteCommand(argv: readonly string[], output = processOutput): Promise<number> {
	const line = await understand(POOL_PROMOTE, argv, output);
	if (line === undefined) return 0;
	const [pool = ""] = line.positionals;
	return asked(line, output, async (daemon) => {
		putPool(await orWrong(daemon.send("POST", `${addressOf(pool)}/promote`, Pool)), line, output);
	});
}

/** From then on the pool whose replica it is brings there again what it has. */
export async function poolDemoteCommand(argv: readonly string[], output = processOutput): Promise<number> {
	const line = await understand(POOL_DEMOTE, argv, output);
	if (line === undefined) return 0;
	const [pool = ""] = line.positionals;
	const lose = line.last("lose");
	const body = lose === undefined ? {} : { loseBytes: readSize("lose", lose) };
	return asked(line, output, async (daemon) => {
		putPool(await daemon.send("POST", `${addressOf(pool)}/demote`, Pool, { body }), line, output);
	});
}

/** From then on it waits here, and the other host has it. One that was not seen to have opened it is no success. */
export async function poolHandoverCommand(argv: readonly string[], output = processOutput): Promise<number> {
	const line = await understand(POOL_HANDOVER, argv, output);
	if (line === undefined) return 0;
	const [pool = ""] = line.positionals;
	const to = line.last("to");
	return askedByName(line, output, async (daemon) => {
		const at = `${addressOf(pool)}/handover?${queryOf({ to })}`;
		const handed = await orWrong(daemon.send("POST", at, PoolHandover));
		if (line.has("json")) putJson(output, handed);
		else output.out(`${handoverText(handed)}\n`);
		return handed.isOpen ? 0 : 1;
	});
}

function handoverText({ pool, to, epoch, pauseSeconds, isOpen }: PoolHandover): string {
	const has = `pool ${pool}: handed over, ${to} has it now, by epoch ${epoch}`;
	if (!isOpen) return `${has}, but was not seen to open it: vblade status there says why`;
	return `${has}; nobody was answered for ${pauseSeconds.toFixed(2)} s`;
}

/** However long it takes; who has enough of it leaves the rest where it is. */
export async function poolRemoveCommand(argv: readonly string[], output = processOutput): Promise<number> {
	const line = await understand(POOL_REMOVE, argv, output);
	if (line === undefined) return 0;
	const [pool = "", disk = ""] = line.positionals;
	const tellDone: Parameters<typeof followJob>[4] = async (_, daemon) => {
		putPool(await daemon.get(addressOf(pool), Pool), line, output);
		return 0;
	};
	return followJob(line, output, `remove ${pool} ${disk}`, `${addressOf(pool)}/empty`, tellDone, {
		disk,
		force: line.has("force"),
	});
}
