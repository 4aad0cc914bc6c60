/**
 * What a configuration may say of object stores and heads: where they are, and which files hold what they want to see. Used by `parts.ts`;
 * what a kind of store needs, and which pool is on which, `store-pools.ts` tells.
 */

import { z } from "zod";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { readDuration } from "./policy.js";
import { text, understood } from "./understood.js";
import { addressIn, readBandwidth, sizeBytes } from "./values.js";

export const STORE_TYPES = ["s3", "swift"] as const;
export const STORE_STYLES = ["path", "host"] as const;
export const STABLES = ["host", "store"] as const;
export const SERVES = ["one", "both"] as const;
/** Members of etcd: more than any cluster has. */
const ENDPOINTS_MAX = 16;
/** What is dirty is uploaded in steps of so much. */
const SIZE_MIN = 64 * 2 ** 20;
/** With a pool's own part, of which there are 66 characters, a name is not longer than a store takes. */
const PREFIX_MAX = 100;

function oneOf<Word extends string>(name: string, words: readonly Word[]) {
	return text((given): Word => {
		const word = words.find((each) => each === given);
		if (word !== undefined) return word;
		throw new OperatorError(`${name} ${quote(given)}: ${words.join(" or ")} is allowed`);
	});
}

const file = (name: string) =>
	text((path) => {
		if (path.startsWith("/") && !path.includes("\0")) return path;
		throw new OperatorError(`${name} ${quote(path)}: an absolute path is allowed`);
	});

/** Something for people or servers, which goes into headers and documents. */
const word = (name: string) =>
	text((given) => {
		if (/^[\x21-\x7e](?:[\x20-\x7e]{0,254}[\x21-\x7e])?$/.test(given)) return given;
		throw new OperatorError(`${name} ${quote(given)}: 1 to 256 characters of ASCII are allowed`);
	});

/** Without a user: secrets are in files. */
function readAddress(name: string, given: string, withPath: boolean): string {
	const url = URL.canParse(given) ? new URL(given) : undefined;
	const isPlain =
		url !== undefined &&
		/^https?:$/.test(url.protocol) &&
		/^https?:\/\//.test(given) &&
		url.username === "" &&
		url.password === "" &&
		url.search === "" &&
		url.hash === "" &&
		(withPath || url.pathname === "/");
	if (isPlain) return given;
	const example = withPath ? "https://objects.example.org" : "http://127.0.0.1:2379";
	throw new OperatorError(
		`${name} ${quote(given)}: an address is allowed, without a user${withPath ? "" : " and a path"}, such as ${example}`,
	);
}

const address = (name: string) => text((given) => readAddress(name, given, true));

function readEndpoints(given: readonly string[]): readonly [string, ...string[]] {
	const [first, ...more] = given.map((each) => readAddress("endpoints", each, false));
	if (first !== undefined && more.length < ENDPOINTS_MAX) return [first, ...more];
	throw new OperatorError(
		`endpoints: ${given.length} addresses are given; 1 to ${ENDPOINTS_MAX} are allowed`,
	);
}

/** Parts of the names of objects; with a slash at the end. */
function readPrefix(given: string): string {
	const isPrefix = /^(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+(?:\/(?!\.{1,2}(?:\/|$))[A-Za-z0-9._-]+)*\/?$/.test(
		given,
	);
	if (isPrefix && given.length <= PREFIX_MAX) return given.endsWith("/") ? given : `${given}/`;
	throw new OperatorError(
		`prefix ${quote(given)}: at most ${PREFIX_MAX} letters (a-z), digits, and ._- are allowed, with slashes between, as in pools/gold`,
	);
}

function readContainer(given: string): string {
	if (/^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(given)) return given;
	throw new OperatorError(
		`container ${quote(given)}: the name of a bucket or container is allowed: 2 to 255 letters (a-z), digits, and ._-`,
	);
}

function readPool(given: string): string {
	if (/^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$/.test(given)) return given;
	throw new OperatorError(`pool ${quote(given)}: the name of a pool is allowed`);
}

/** One that others can reach: none that stands for all of a host. */
function readPartnerPlace(given: string): string {
	const { address, port } = addressIn(given) ?? { address: "", port: 0 };
	if (address !== "" && port > 0 && !/^(?:0\.0\.0\.0|[:0]*)$/.test(address)) return given;
	throw new OperatorError(
		`listen ${quote(given)}: an address of this host that the others reach, a number, and a port are allowed, such as 192.0.2.1:9473`,
	);
}

const size = (name: string) =>
	text((given) => {
		const bytes = sizeBytes(given);
		if (bytes !== undefined && bytes >= SIZE_MIN) return bytes;
		throw new OperatorError(`${name} ${quote(given)}: a size is allowed, as 2G, from 64M on`);
	});

export const storeSchema = z
	.strictObject({
		type: oneOf("type", STORE_TYPES),
		endpoint: address("endpoint"),
		region: word("region"),
		style: oneOf("style", STORE_STYLES),
		access_key: word("access_key"),
		secret_file: file("secret_file"),
		auth: address("auth"),
		user: word("user"),
		key_file: file("key_file"),
		project: word("project"),
		user_domain: word("user_domain"),
		project_domain: word("project_domain"),
		ca: file("ca"),
	})
	.partial();

export const headSchema = z
	.strictObject({
		endpoints: understood(z.array(z.string()), readEndpoints),
		prefix: text(readPrefix),
		ca: file("ca"),
		certificate: file("certificate"),
		key_file: file("key_file"),
		history: text((given) => readDuration("history", given)),
	})
	.partial();

/** What a pool may say that is on a store. */
export const storePoolKeys = {
	store: z.string(),
	container: text(readContainer),
	prefix: text(readPrefix),
	head: z.string(),
	log: file("log"),
	log_size: size("log_size"),
	cache_size: size("cache_size"),
	stable: oneOf("stable", STABLES),
	serve: oneOf("serve", SERVES),
	listen: text(readPartnerPlace),
};

/** The name of a pool. */
export const poolName = text(readPool);

const replicaTable = z
	.strictObject({
		store: z.string(),
		container: text(readContainer),
		prefix: text(readPrefix),
		head: z.string(),
		pool: text(readPool),
		log: file("log"),
		bandwidth: understood(
			z.union([z.string(), z.number()], 'bytes per second are expected, as in "10M"'),
			(value) => readBandwidth("bandwidth", String(value)),
		),
	})
	.partial();

/** A copy of a pool elsewhere; what is a text says which store that is in, or which pool it is there. */
export const replicaSchema: z.ZodType<
	z.output<typeof replicaTable>,
	string | z.input<typeof replicaTable>
> = z.preprocess((given) => (typeof given === "string" ? { store: given } : given), replicaTable);

export type StoreSettings = z.input<typeof storeSchema>;
export type StoreValues = z.output<typeof storeSchema>;
export type HeadSettings = z.input<typeof headSchema>;
export type HeadValues = z.output<typeof headSchema>;
