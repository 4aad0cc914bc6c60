/** The specs of disks among what control asks of a worker, made sure of. Used by `worker-requests.ts`. */

import {
	type Check,
	isCount,
	isEither,
	isFlag,
	isList,
	isMissing,
	isOneOf,
	isShape,
	isTable,
	isText,
} from "../channel/checks.js";
import { MEMBERS_MAX, MIRRORED_MAX, NESTED_MAX } from "../spec/ranges.js";

/** Of any word between control and a worker. */
export const LONGEST = 4096;
/** As many names of disks as one may be made of. */
const LONGEST_LIST = 65 * MEMBERS_MAX + 16;
const SECTORS_MAX = 2 ** 43;
const LIMIT_MAX = 2 ** 52;

export const isWord = isText(LONGEST);
export const optional = (check: Check): Check => isEither(isMissing, check);
const matches =
	(pattern: RegExp): Check =>
	(value) =>
		typeof value === "string" && pattern.test(value);
export const isNetif: Check = (value) => {
	if (!isShape({ name: isWord, kind: isWord })(value)) return false;
	switch ((value as { readonly kind: unknown }).kind) {
		case "interface":
			return true;
		case "pcap":
			return isShape({ interfaceName: isWord })(value);
		case "unix":
			return isShape({ path: isWord })(value);
		case "gre":
			return isShape({ peer: isWord })(value);
		default:
			return false;
	}
};
const isFile = isShape({ kind: isOneOf(["file"]), name: isWord, path: isWord });
const isVolume = isShape({ kind: isOneOf(["volume"]), name: isWord, pool: isWord, volume: isWord });
const isServer = [
	isShape({ kind: isOneOf(["unix"]), path: isWord }),
	isShape({ kind: isOneOf(["tcp"]), host: isWord, port: (value) => isCount(65_535)(value) && value !== 0 }),
	isShape({ kind: isOneOf(["aoe"]), netif: isNetif, shelf: isCount(65_534), slot: isCount(254) }),
].reduce(isEither);
const isRemote = isShape({
	kind: isOneOf(["remote"]),
	name: isWord,
	server: isServer,
	exportName: matches(/^[^\0]*$/),
	resend: (value) => isCount(1000)(value) && value !== 0,
	intervalMs: (value) => isCount(3_600_000)(value) && Number(value) >= 100,
});
const isPlainStorage: Check = [
	isFile,
	isVolume,
	isRemote,
	isShape({
		kind: isOneOf(["memory"]),
		name: isWord,
		sizeBytes: (value) =>
			isCount(Number.MAX_SAFE_INTEGER)(value) && Number(value) > 0 && Number(value) % 512 === 0,
	}),
].reduce(isEither);
const isLimitValue = optional((value) => isCount(LIMIT_MAX)(value) && value !== 0);
const isLimit = isShape({
	iops: isLimitValue,
	bandwidth: isLimitValue,
	readIops: isLimitValue,
	writeIops: isLimitValue,
	readBandwidth: isLimitValue,
	writeBandwidth: isLimitValue,
});
const specShape = {
	name: isWord,
	called: optional(isWord),
	chunkOf: optional(isWord),
	offsetSectors: isCount(SECTORS_MAX),
	lengthSectors: optional((value) => isCount(SECTORS_MAX)(value) && value !== 0),
	readOnly: isFlag,
	scratch: optional(isFlag),
	direct: isFlag,
	durability: isOneOf(["ack", "flush", "none"]),
	limit: optional(isLimit),
	mirroring: optional(
		isShape({
			resyncRate: (value) => isCount(LIMIT_MAX)(value) && value !== 0,
			timeoutMs: (value) => isCount(3_600_000)(value) && Number(value) >= 1000,
		}),
	),
	identity: optional(isShape({ serial: matches(/^[ -~]{1,20}$/), wwn: matches(/^[0-9a-f]{16}$/) })),
	lengths: optional(isTable(isCount(Number.MAX_SAFE_INTEGER), MEMBERS_MAX, LONGEST)),
};
/** Other disks, each of which is one of these. */
const isCompoundOf = (isSpec: Check): Check => {
	const isMembers =
		(least: number, most: number): Check =>
		(value) =>
			isList(isSpec, most)(value) && (value as readonly unknown[]).length >= least;
	return isEither(
		isShape({ kind: isOneOf(["linear"]), name: isText(LONGEST_LIST), members: isMembers(1, MEMBERS_MAX) }),
		isShape({
			...{ kind: isOneOf(["mirror"]), name: isText(LONGEST_LIST), members: isMembers(2, MIRRORED_MAX) },
			...{ from: optional(isWord), degraded: isFlag },
		}),
	);
};
/** So deep as they may be in each other, and no deeper: each asks for more stack. */
export const isDiskSpec = Array.from({ length: NESTED_MAX }).reduce<Check>(
	(isInner) => isShape({ ...specShape, storage: isEither(isPlainStorage, isCompoundOf(isInner)) }),
	isShape({ ...specShape, storage: isPlainStorage }),
);
