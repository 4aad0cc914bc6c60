/** What commands say of a pool, whoever has it. Used by `pool.ts` and `in-daemon.ts`. */

import type { Pool } from "../../control/model.js";
import { sizeText } from "../../text.js";
import { orNone, pairLines, sizeOrNone } from "../asking/columns.js";

export function poolLines(pool: Pool): string[] {
	const { name, path, reason, onlyRead, settings } = pool;
	return pairLines([
		["pool", name],
		...(path === name ? [] : [["path", path] as const]),
		...(reason === null ? [] : [["reason", reason] as const]),
		...(onlyRead === null || pool.stored?.isReplicaOf != null ? [] : [["only read", onlyRead] as const]),
		["format", orNone(pool.format?.toString() ?? null)],
		["volumes", orNone(pool.volumes?.toString() ?? null)],
		["size", sizeOrNone(pool.sizeBytes)],
		["used", sizeOrNone(pool.usedBytes)],
		["past", sizeOrNone(pool.historyBytes)],
		["freeing", sizeOrNone(pool.freeingBytes)],
		["waiting", sizeOrNone(pool.waitingBytes)],
		["free", sizeOrNone(pool.freeBytes)],
		...(pool.disks ?? []).map((disk) => ["disk", diskText(disk)] as const),
		...storePairs(pool.stored),
		...(pool.replicas ?? []).map((replica) => ["replica", replicaText(replica)] as const),
		...(settings === null ? [] : settingsPairs(settings)),
		...(pool.clockDoubt === null ? [] : [["clock", doubtText(pool.clockDoubt)] as const]),
		["moments", pool.momentsFrom === null ? orNone(null) : `from ${pool.momentsFrom}`],
	]);
}

function diskText({
	disk,
	state,
	sizeBytes,
	usedBytes,
	trouble,
}: NonNullable<Pool["disks"]>[number]): string {
	const of = `${disk}: ${sizeText(usedBytes)} of ${sizeText(sizeBytes)}`;
	const leaves = state === "in use" ? "" : `, ${state === "leaving" ? "is being emptied" : "is missing"}`;
	return `${of}${leaves}${trouble === null ? "" : `: ${trouble}`}`;
}

function storePairs(stored: Pool["stored"]): (readonly [string, string])[] {
	if (stored === null) return [];
	const { store, head, objects, storedBytes, requests, unshippedBytes, unshippedSeconds, leaseSeconds } =
		stored;
	const forHow = unshippedBytes === 0 ? "" : `, for ${Math.round(unshippedSeconds)} s`;
	const { isReplicaOf } = stored;
	return [
		...(isReplicaOf === null ? [] : [["replica of", `${isReplicaOf}, can be read`] as const]),
		["store", `${store}: objects ${objects}, ${sizeText(storedBytes)}`],
		["head", head],
		...(requests.length === 0 ? [] : [["requests", requestsText(requests)] as const]),
		["unshipped", `${sizeText(unshippedBytes)}${forHow}`],
		...stored.lost.map((each) => ["given up", lostText(each)] as const),
		...(leaseSeconds === null ? [] : [["lease", `${leaseSeconds.toFixed(1)} s`] as const]),
	];
}

function lostText({ epoch, bytes, seconds }: NonNullable<Pool["stored"]>["lost"][number]): string {
	return `of epoch ${epoch}: up to ${sizeText(bytes)} of ${Math.round(seconds)} s, kept for the host that has it`;
}

function requestsText(requests: NonNullable<Pool["stored"]>["requests"]): string {
	return requests.map(({ op, count }) => `${op} ${count}`).join(", ");
}

function replicaText({
	name,
	lagBytes,
	lagSeconds,
	trouble,
	promoted,
}: NonNullable<Pool["replicas"]>[number]): string {
	if (promoted !== null && trouble !== null) return `${name}: ${trouble}`;
	const lag = lagBytes === 0 ? "lacks nothing" : `lacks ${sizeText(lagBytes)} of ${Math.round(lagSeconds)} s`;
	return `${name}: ${lag}${trouble === null ? "" : `: ${trouble}`}`;
}

function settingsPairs(settings: NonNullable<Pool["settings"]>): (readonly [string, string])[] {
	const { history, historySpace, historyMin, keep } = settings;
	return [
		["history", `${history}, in at most ${historySpace}, at least ${historyMin}`],
		...Object.entries(keep).map(([period, time]) => ["keep", `${period} ${time}`] as const),
	];
}

function doubtText({ shows, expected }: NonNullable<Pool["clockDoubt"]>): string {
	return `shows ${shows}, by what has passed it is ${expected}: not believed; if it is right, set clock=trusted`;
}
