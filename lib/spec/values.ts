/**
 * Readers of single values that an operator writes: numbers, sizes, limits, lists of MAC addresses, what a disk is stored in. The
 * same for whatever they are written in: the command line or configuration files. Each returns the value, or throws an
 * `OperatorError` of one line that names what is wrong and says what is allowed. Pure.
 */

import { isIP } from "node:net";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { parseMac } from "../wire/mac.js";
import { readNumber } from "./numbers.js";
import { type NumberForm, SOCKET_PATH_MAX_BYTES } from "./ranges.js";
import { isRemote, readRemote } from "./remote.js";
import type { Durability, SocketSpec, StorageSpec } from "./spec.js";

export { readNumber };

/** The highest port of TCP. */
const PORT_MAX = 65535;

const UNIT_BYTES: Readonly<Record<string, number>> = {
	"": 1,
	K: 2 ** 10,
	M: 2 ** 20,
	G: 2 ** 30,
	T: 2 ** 40,
};

/**
 * The bytes that `512`, `4k` or `64M` mean. Undefined for everything else, and for more bytes than can be counted exactly:
 * what is allowed differs from size to size, so the message is the caller's.
 */
export function sizeBytes(text: string): number | undefined {
	const [, digits, unit = ""] = /^([0-9]+)([A-Za-z]?)$/.exec(text) ?? [];
	const unitBytes = UNIT_BYTES[unit.toUpperCase()];
	if (digits === undefined || unitBytes === undefined) return undefined;
	const bytes = Number(digits) * unitBytes;
	return Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Least that a limit may be. Linux gives a disk up that has not answered for three minutes: a full queue takes half of that. */
const OPERATIONS_FORM: NumberForm = { min: 1, max: 1e9, called: "a number of operations per second" };
const BANDWIDTH_MIN = 4096;
const BANDWIDTH_MAX = 2 ** 50;

export function readOperations(what: string, text: string): number {
	return readNumber(what, text, OPERATIONS_FORM);
}

export function readBandwidth(what: string, text: string): number {
	const bytes = sizeBytes(text);
	if (bytes !== undefined && bytes >= BANDWIDTH_MIN && bytes <= BANDWIDTH_MAX) return bytes;
	throw new OperatorError(
		`${what} ${quote(text)}: a number of bytes per second is allowed, such as 4096, 512K or 100M, at least 4K and at most 1024T`,
	);
}

/** The addresses of lists with commas in between, each once; at most `max` of them. */
export function readMacs(lists: readonly string[], max: number): number[] {
	const macs = new Set<number>();
	for (const text of lists.flatMap((list) => list.split(","))) {
		const mac = parseMac(text);
		if (mac === undefined)
			throw new OperatorError(
				`mac ${quote(text)}: an address is 6 pairs of hexadecimal digits, such as 00:1b:21:3a:4c:5d`,
			);
		macs.add(mac);
	}
	if (macs.size > max)
		throw new OperatorError(`mac: ${macs.size} addresses are given; at most ${max} are allowed`);
	return [...macs];
}

const DURABILITIES: readonly Durability[] = ["ack", "flush", "none"];

/** `sync`: -s is given too, which means `ack`. */
export function readDurability(text: string, sync = false): Durability {
	const durability = DURABILITIES.find((name) => name === text);
	if (durability === undefined)
		throw new OperatorError(`durability ${quote(text)}: ack, flush or none is allowed`);
	if (sync && durability !== "ack")
		throw new OperatorError(`durability "${durability}": contradicts -s, which means --durability=ack`);
	return durability;
}

/** A name; whether there is such a user is looked up when the server starts. */
export function readUser(text: string): string {
	if (text === "" || text.includes("\0"))
		throw new OperatorError(`user ${quote(text)}: the name of a user is allowed`);
	return text;
}

const MEMORY_PREFIX = "mem:";
const POOL_PREFIX = "pool:";

/** The filename of the classic command line: a file, a block device, `mem:64M`, a volume, or a remote disk. */
export function readStorage(filename: string): StorageSpec {
	if (filename.startsWith(MEMORY_PREFIX)) {
		const size = filename.slice(MEMORY_PREFIX.length);
		return { kind: "memory", name: filename, sizeBytes: readMemorySize("filename", size, MEMORY_PREFIX) };
	}
	if (filename.startsWith(POOL_PREFIX)) return readVolume(filename);
	if (isRemote(filename)) return readRemote("filename", filename);
	if (filename === "" || filename.includes("\0"))
		throw new OperatorError(
			`filename ${quote(filename)}: a file, a block device, mem:SIZE, pool:PATH/NAME, nbd://HOST/EXPORT or aoe:NETIF:SHELF.SLOT is allowed`,
		);
	return { kind: "file", name: filename, path: filename };
}

/** `pool:PATH/NAME`: whether there is such a pool, and such a volume in it, is seen when it is opened. */
function readVolume(filename: string): StorageSpec {
	const [, pool, volume] = /^pool:([/.][^\0]*)\/([^/\0]+)$/.exec(filename) ?? [];
	if (pool !== undefined && volume !== undefined) return { kind: "volume", name: filename, pool, volume };
	throw new OperatorError(
		`filename ${quote(filename)}: a volume is pool:PATH/NAME, with a path that begins with / or ., as in pool:/srv/pool/web`,
	);
}

/** The bytes that `64M` means, as it is written behind `prefix`. */
export function readMemorySize(what: string, text: string, prefix = ""): number {
	const isSize = /^[0-9]*[1-9][0-9]*[KMGT]$/.test(text);
	const bytes = isSize ? sizeBytes(text) : undefined;
	if (bytes !== undefined) return bytes;
	const most = isSize ? `, at most ${prefix}${Math.floor(Number.MAX_SAFE_INTEGER / 2 ** 40)}T` : "";
	throw new OperatorError(
		`${what} ${quote(prefix + text)}: a size is a number above 0 with K, M, G or T, as in ${prefix}64M${most}`,
	);
}

/** Where clients of a protocol on byte streams may connect: `unix:PATH`, `127.0.0.1:10809` or `[::1]:10809`. `port`: the one that is usual, `given`: as it was typed. */
export function readSocket(what: string, name: string, port: number, given = name): SocketSpec {
	const path = name.startsWith("unix:") ? name.slice("unix:".length) : undefined;
	if (path !== undefined) {
		const length = Buffer.byteLength(path);
		if (length >= 1 && length <= SOCKET_PATH_MAX_BYTES && !path.includes("\0"))
			return { kind: "unix", name, path };
		throw new OperatorError(
			`${what} ${quote(name)}: the path of a unix socket has 1 to ${SOCKET_PATH_MAX_BYTES} bytes`,
		);
	}
	const found = addressIn(name);
	if (found === undefined)
		throw new OperatorError(
			`${what} ${quote(given)}: unix:PATH, or a numeric address and a port are allowed, such as 127.0.0.1:${port} or [::1]:${port}`,
		);
	return { kind: "tcp", name, ...found };
}

/** The same of a configuration, which is read wherever a daemon was started. */
export function readListen(name: string, port: number): SocketSpec {
	const socket = readSocket("listen", name, port);
	if (socket.kind === "tcp" || socket.path.startsWith("/")) return socket;
	throw new OperatorError(
		`listen ${quote(name)}: an absolute path is allowed, such as unix:/run/vblade/sock`,
	);
}

/** An address of this machine that nobody else reaches. */
export function isLoopback(address: string): boolean {
	return isIP(address) === 4 ? address.startsWith("127.") : address === "::1";
}

/** A number of IPv4, or one of IPv6 in brackets, and a port: `127.0.0.1:9470`, `[::1]:9470`. Throws an OperatorError for no port. */
export function addressIn(text: string): { address: string; port: number } | undefined {
	const [, inBrackets, plain, port = ""] = /^(?:\[([^\]]+)\]|([^:]+)):([0-9]+)$/.exec(text) ?? [];
	const address = inBrackets ?? plain ?? "";
	if (isIP(address) !== (inBrackets === undefined ? 4 : 6)) return undefined;
	return { address, port: readNumber("port", port, { min: 1, max: PORT_MAX, called: "a port" }) };
}
