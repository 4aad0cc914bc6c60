/**
 * What a child asks, made sure of: a question is one of those that there are, with arguments of the right kinds and in range. For the
 * opener trusts none of them. Used by `answers.ts`.
 */

import { type Check, isCount, isEither, isFlag, isList, isNull, isOneOf, isText } from "../channel/checks.js";
import { OperatorError } from "../errors.js";
import { OPEN_DIRECT, OPEN_READ_ONLY, OPEN_SYNCED } from "../native.js";
import { IDENTIFIED_MAX } from "../pool/directory-files.js";
import { KEPT_FILES, type OpenerRequest } from "./messages.js";

export type Question<Kind extends OpenerRequest["kind"]> = Extract<OpenerRequest, { kind: Kind }>;

type Fields = Readonly<Record<string, unknown>>;

/** As long as the kernel takes them. */
const LONGEST_PATH = 4095;
const LONGEST_ADDRESS = 64;
const LONGEST_STATUS = 1024;
const LONGEST_NAME = 255;
const MOST_WORKERS = 1024;
/** Of 64 MiB: the kernel maps no more of them at once. */
const MOST_POOL_FILES = 65_536;
const MOST_LINKS = 4096;
const FLAGS_MAX = OPEN_READ_ONLY | OPEN_DIRECT | OPEN_SYNCED;

const isPath: Check = (value) =>
	typeof value === "string" && value.startsWith("/") && value.length <= LONGEST_PATH && !value.includes("\0");
/** Of an interface: it is part of a path. */
const isInterface: Check = (value) =>
	typeof value === "string" && /^[^/\0]{1,15}$/.test(value) && !/^\.\.?$/.test(value);
/** It is an argument of a program. */
const isHost: Check = (value) =>
	typeof value === "string" && /^[A-Za-z0-9_][A-Za-z0-9._-]{0,252}$/.test(value);
const isKept: Check = (value) => typeof value === "string" && KEPT_FILES.has(value);

const FIELDS: Readonly<Record<OpenerRequest["kind"], Readonly<Record<string, Check>>>> = {
	open: {
		path: isPath,
		readOnly: isFlag,
		flags: isCount(FLAGS_MAX),
		beginBytes: isCount(Number.MAX_SAFE_INTEGER),
		lengthBytes: isCount(Number.MAX_SAFE_INTEGER),
	},
	memory: { name: isText(LONGEST_NAME), sizeBytes: isCount(Number.MAX_SAFE_INTEGER) },
	poolFiles: { pool: isPath },
	poolIdentities: { pool: isPath, first: isCount(MOST_POOL_FILES), count: isCount(IDENTIFIED_MAX) },
	poolFile: { pool: isPath, file: isCount(MOST_POOL_FILES) },
	storePool: { pool: isText(LONGEST_NAME) },
	replicas: { pool: isText(LONGEST_PATH) },
	logFiles: { log: isPath },
	logFile: { log: isPath, name: isText(LONGEST_NAME) },
	readHead: { pool: isText(LONGEST_NAME) },
	swapHead: { pool: isText(LONGEST_NAME), id: isEither(isNull, isText(LONGEST_NAME)) },
	listen: { path: isPath },
	socket: { address: isText(LONGEST_PATH) },
	chapSecret: { file: isPath },
	nbdKeys: {},
	remoteKeys: { hasUser: isFlag },
	addresses: { host: isHost },
	tunnel: { peer: isText(LONGEST_ADDRESS) },
	join: {},
	sources: {},
	token: {},
	kept: { name: isKept },
	setAside: { name: isKept },
	keep: { name: isKept },
	processes: {},
	listeners: {},
	permit: { path: isPath, readOnly: isFlag },
	permitSecret: { file: isPath },
	permitLink: { link: isText(LONGEST_PATH) },
	speeds: { names: isList(isInterface, MOST_LINKS) },
	replace: { index: isCount(MOST_WORKERS) },
	notify: { state: isOneOf(["ready", "reloading"]), status: isText(LONGEST_STATUS) },
};

/** Throws an OperatorError if it is none of what can be asked. */
export function questionOf(body: Fields): OpenerRequest {
	const { kind } = body;
	const fields =
		typeof kind === "string" && Object.hasOwn(FIELDS, kind) && FIELDS[kind as OpenerRequest["kind"]];
	if (!fields) throw new OperatorError("there is no such question");
	for (const [name, isRight] of Object.entries(fields))
		if (!isRight(body[name])) throw new OperatorError(`${String(kind)}: ${name} can't be that`);
	return body as unknown as OpenerRequest;
}
