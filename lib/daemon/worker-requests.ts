/**
 * What control asks of a worker, made sure of: control answers people and programs, and somebody may have taken it over. What is none of
 * its requests is refused, and ends nobody. What the values do is for `worker-disks.ts`.
 */

import { isIP } from "node:net";
import {
	type Check,
	isCount,
	isEither,
	isFlag,
	isList,
	isMissing,
	isNull,
	isOneOf,
	isShape,
	isTable,
	isText,
} from "../channel/checks.js";
import { OperatorError } from "../errors.js";
import { DATA_EXTENT_BYTES } from "../image/extent.js";
import { TOLD_MAX } from "../pool/looks.js";
import { isKeptUnit } from "../scsi/kept.js";
import { readIscsiName } from "../spec/iscsi-name.js";
import { arePoolSettings } from "../spec/policy.js";
import { CHAP_NAME_MAX, NBD_STRING_MAX, NUMBERS, PEER_RANGES_MAX, POOL_DISKS_MAX } from "../spec/ranges.js";
import { isDiskSpec, isNetif, isWord, LONGEST, optional } from "./disk-requests.js";
import { isAccess, isConfigString, isMacs, isSetAccess } from "./set-access.js";
import type { WorkerDisk, WorkerRequest } from "./worker-messages.js";

export { isWord, LONGEST } from "./disk-requests.js";

type Fields = Readonly<Record<string, unknown>>;

const MOST_EXPORTS = 16;
export const MOST_LINKS = 4096;
/** Of one moment. */
const MOST_SNAPSHOTS = 4096;
const ADDRESS_BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 };
const UID_MAX = 2 ** 32 - 2;
const REMOVE_MAX_MS = 3_600_000;

/** What initiators have set: of a `SetOnDisk`. */
export const isSetOnDisk = isTable(isEither(isSetAccess, isKeptUnit), MOST_EXPORTS, LONGEST);

const isAoeExport = isShape({
	protocol: isOneOf(["aoe"]),
	name: isWord,
	disk: isWord,
	shelf: isCount(65_534),
	slot: isCount(254),
	netifs: (value) => isList(isNetif, MOST_LINKS)(value) && (value as readonly unknown[]).length > 0,
	macs: optional(isMacs),
	bufferCount: (value) => isCount(65_535)(value) && Number(value) >= 2,
	configString: optional(isConfigString),
	force: isFlag,
	access: optional(isAccess),
});
/** One that lists of addresses take. */
const isNetwork: Check = (value) => {
	if (!isShape({ kind: isOneOf(["network"]), address: isWord })(value)) return false;
	const { address, bits } = value as Fields;
	const most = ADDRESS_BITS[isIP(String(address))];
	return most !== undefined && isCount(most)(bits);
};
const isUser = isShape({ kind: isOneOf(["uid"]), uid: isCount(UID_MAX) });
const isIdentity = isShape({ kind: isOneOf(["identity"]), identity: isWord });
const isPeers = optional(isList(isEither(isNetwork, isEither(isUser, isIdentity)), PEER_RANGES_MAX));
const isNbdText = isText(NBD_STRING_MAX);
const isNbdExport = isShape({
	protocol: isOneOf(["nbd"]),
	name: isWord,
	disk: isWord,
	exportName: isNbdText,
	description: isNbdText,
	clients: isPeers,
	readers: isPeers,
	...{ listen: isMissing, tls: isMissing },
});
const isIscsiName: Check = (value) => {
	try {
		return typeof value === "string" && readIscsiName("name", value) === value;
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return false;
	}
};
const isAccount = { user: isText(CHAP_NAME_MAX), secretFile: isWord };
const isIscsiExport = isShape({
	protocol: isOneOf(["iscsi"]),
	name: isWord,
	disk: isWord,
	target: isIscsiName,
	lun: isCount(NUMBERS.lun.max),
	removable: isFlag,
	initiators: optional(isList(isIscsiName, PEER_RANGES_MAX)),
	clients: optional(isList(isNetwork, PEER_RANGES_MAX)),
	chap: optional(isShape({ ...isAccount, mutual: optional(isShape(isAccount)) })),
	...{ listen: isMissing, kept: isMissing },
});
const isExportSpec = isEither(isEither(isAoeExport, isNbdExport), isIscsiExport);
const isLinkSpec = isShape({ netif: isNetif, pollUs: isCount(1000), xdp: isFlag });
const isExports = isList(isExportSpec, MOST_EXPORTS);
const isWorkerDisk = isShape({
	disk: isDiskSpec,
	exports: isExports,
	links: isList(isLinkSpec, MOST_LINKS),
	fenced: isFlag,
	fingerprint: isWord,
	set: isSetOnDisk,
});

const MOST_PIECES = 64;
const isSize = isCount(Number.MAX_SAFE_INTEGER);
const isSetting = optional(isEither(isNull, isSize));
const isSettingsChange = isShape({
	historySeconds: isSetting,
	keep: optional(isEither(isNull, isShape({ hourly: isSetting, daily: isSetting, weekly: isSetting }))),
	quotaBytes: isSetting,
});
const isSight = [
	isShape({ of: isOneOf(["pool"]) }),
	isShape({ of: isOneOf(["volumes"]), after: optional(isWord) }),
	isShape({ of: isOneOf(["summary"]), name: isWord }),
	isShape({ of: isOneOf(["volume"]), name: isWord, after: optional(isWord) }),
	isShape({ of: isOneOf(["snapshots"]), names: isList(isWord, TOLD_MAX) }),
].reduce(isEither);
const isPoolAct = [
	isShape({ act: isOneOf(["look"]), isNow: isFlag, sight: isSight }),
	isShape({ act: isOneOf(["make"]), disks: isList(isWord, POOL_DISKS_MAX), force: isFlag }),
	isShape({ act: isOneOf(["addDisk"]), disk: isWord, force: isFlag }),
	isShape({ act: isOneOf(["takeOver"]), loseBytes: isSize }),
	isShape({ act: isOneOf(["forgetLost"]), epoch: isSize }),
	isShape({ act: isOneOf(["promote"]) }),
	isShape({ act: isOneOf(["demote"]), loseBytes: isSize }),
	isShape({ act: isOneOf(["ship"]) }),
	isShape({ act: isOneOf(["handOver"]), to: optional(isWord) }),
	isShape({ act: isOneOf(["removeDisk"]), disk: isWord, force: isFlag }),
	isShape({ act: isOneOf(["keepDisk"]), disk: isWord }),
	isShape({ act: isOneOf(["create"]), name: isWord, sizeBytes: isSize, pageBytes: isSize }),
	isShape({
		act: isOneOf(["resize"]),
		name: isWord,
		sizeBytes: isSize,
		mayShrink: isFlag,
		isAnother: isFlag,
	}),
	isShape({ act: isOneOf(["rename"]), name: isWord, to: isWord }),
	isShape({ act: isOneOf(["replace"]), name: isWord, by: isWord, isAnother: isFlag }),
	isShape({ act: isOneOf(["set"]), name: isWord, settings: isSettingsChange }),
	isShape({
		act: isOneOf(["configure"]),
		settings: arePoolSettings,
		spared: isList(isWord, MOST_SNAPSHOTS),
		partial: optional(isFlag),
		disks: optional(isList(isWord, POOL_DISKS_MAX)),
		replicas: optional(isWord),
		sizes: optional(isShape({ logBytes: isSize, cacheBytes: isSize })),
	}),
	isShape({ act: isOneOf(["trustClock"]) }),
	isShape({ act: isOneOf(["remove"]), name: isWord }),
	isShape({
		act: isOneOf(["snapshot"]),
		wanted: isList(isShape({ volume: isWord, name: isWord, from: optional(isWord) }), MOST_SNAPSHOTS),
	}),
	isShape({ act: isOneOf(["clone"]), volume: isWord, snapshot: isWord, name: isWord }),
	isShape({ act: isOneOf(["rollback", "forget"]), volume: isWord, snapshot: isWord }),
	isShape({ act: isOneOf(["hold"]), volume: isWord, snapshot: isWord, isHeld: isFlag }),
].reduce(isEither);

const isPiece = isShape({ kind: isOneOf(["data", "zero"]), offsetBytes: isSize, lengthBytes: isSize });

const isNamed = { name: isWord, id: optional(isWord) };

const isVolumeQuestion = [
	isShape({ ask: isOneOf(["about"]), name: isWord }),
	isShape({
		ask: isOneOf(["read"]),
		...isNamed,
		offsetBytes: isSize,
		lengthBytes: isCount(DATA_EXTENT_BYTES),
	}),
	isShape({ ask: isOneOf(["runs"]), ...isNamed, offsetBytes: isSize, lengthBytes: isSize }),
	isShape({
		ask: isOneOf(["changes"]),
		...isNamed,
		before: isWord,
		beforeId: optional(isWord),
		offsetBytes: isSize,
	}),
	isShape({ ask: isOneOf(["write"]), name: isWord, pieces: isList(isPiece, MOST_PIECES), sync: isFlag }),
	isShape({
		ask: isOneOf(["verify"]),
		...isNamed,
		before: optional(isWord),
		beforeId: optional(isWord),
		offsetBytes: isSize,
		doPages: isFlag,
	}),
	isShape({ ask: isOneOf(["scrub"]), step: isCount(Number.MAX_SAFE_INTEGER), isLight: isFlag }),
	isShape({ ask: isOneOf(["flatten"]), name: isWord, offsetBytes: isSize }),
	isShape({ ask: isOneOf(["release"]), name: isWord }),
].reduce(isEither);

const REQUESTS: Readonly<Record<WorkerRequest["kind"], Check>> = {
	alive: isShape({}),
	serving: isShape({ from: isCount(Number.MAX_SAFE_INTEGER) }),
	add: isShape({ disk: (value) => isWorkerDisk(value) && belongs(value as WorkerDisk) }),
	expect: isShape({ name: isWord, exports: isExports, why: isWord }),
	change: isShape({ disk: isDiskSpec, exports: isExports, fingerprint: isWord }),
	withdraw: isShape({ name: isWord }),
	remove: isShape({ name: isWord, limitMs: optional(isCount(REMOVE_MAX_MS)), comesAgain: optional(isFlag) }),
	fence: isShape({ name: isWord, fenced: isFlag }),
	verify: isShape({ name: isWord, offsetBytes: isSize, byMajority: isFlag, from: optional(isWord) }),
	resync: isShape({ name: isWord, part: isWord }),
	look: isShape({ since: isCount(Number.MAX_SAFE_INTEGER) }),
	reports: isShape({}),
	pool: isShape({ pool: isWord, act: isPoolAct }),
	volume: isShape({ pool: isWord, question: isVolumeQuestion }),
};

/** The exports are the disk's, and no two are called the same. */
function belongs({ disk, exports }: Pick<WorkerDisk, "disk" | "exports">): boolean {
	return areOf(disk.name, exports);
}

function areOf(disk: string, exports: WorkerDisk["exports"]): boolean {
	const names = new Set(exports.map(({ name }) => name));
	return names.size === exports.length && exports.every((each) => each.disk === disk);
}

/** Throws an OperatorError if it is none. */
export function requestOf(body: Fields): WorkerRequest {
	const { kind } = body;
	const isRight =
		typeof kind === "string" && Object.hasOwn(REQUESTS, kind) && REQUESTS[kind as WorkerRequest["kind"]];
	if (!isRight) throw new OperatorError("there is no such request");
	if (!isRight(body)) throw new OperatorError(`${String(kind)}: its values can't be that`);
	const request = body as unknown as WorkerRequest;
	if (request.kind === "change" && !belongs(request))
		throw new OperatorError("change: its exports are not the disk's");
	if (request.kind === "expect" && !areOf(request.name, request.exports))
		throw new OperatorError("expect: its exports are not the disk's");
	return request;
}
