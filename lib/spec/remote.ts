/**
 * Addresses of remote disks, as the NBD project's `doc/uri.md` has them: `nbd://host[:port]/export`, `nbd+unix:///export?socket=PATH`; with TLS
 * `nbds://[user@]host[:port]/export` and `nbds+unix://`, with files as libnbd has them: `tls-certificates=FOLDER`, `tls-psk-file=FILE`; and
 * `aoe:eth0:9.0`, a blade on an interface. Used by the readers of configurations and command lines.
 */

import { isIP } from "node:net";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { parseNetif } from "./netif.js";
import { readNumber } from "./numbers.js";
import { NBD_STRING_MAX, NUMBERS, SOCKET_PATH_MAX_BYTES } from "./ranges.js";
import type { RemoteSpec, ServerSpec, TargetSpec, TlsSpec } from "./spec.js";

export const NBD_PORT = 10809;
export const REMOTE_DEFAULTS = { resend: 20, intervalMs: 5000 } as const;

const FORMS =
	"nbd://HOST[:PORT]/EXPORT, nbd+unix:///EXPORT?socket=PATH, nbds for TLS, or aoe:NETIF:SHELF.SLOT is allowed";
const AOE_PREFIX = "aoe:";

/** Whether it can be meant for such an address. */
export function isRemote(text: string): boolean {
	return text.startsWith(AOE_PREFIX) || /^nbds?(\+unix)?:\/\//.test(text);
}

/** Throws an OperatorError. */
export function readRemote(what: string, text: string): RemoteSpec {
	const wrong = (why: string): OperatorError => new OperatorError(`${what} ${quote(text)}: ${why}`);
	if (text.startsWith(AOE_PREFIX))
		return {
			...{ kind: "remote", name: text, server: readTarget(text, wrong), exportName: "" },
			...REMOTE_DEFAULTS,
		};
	// (A user without a host is no URL for anybody but NBD.)
	const [, userHere] = /^nbds\+unix:\/\/([^/?#@:]+)@\//.exec(text) ?? [];
	const plain = userHere === undefined ? text : text.replace(`${userHere}@`, "");
	if (!URL.canParse(plain) || !isRemote(plain)) throw wrong(FORMS);
	const url = new URL(plain);
	const isSecure = url.protocol.startsWith("nbds");
	if ((url.username !== "" && !isSecure) || url.password !== "" || url.hash !== "")
		throw wrong(`no user and no fragment; ${FORMS}`);
	const files = isSecure ? filesIn(url.searchParams) : {};
	const user = decoded(userHere ?? url.username);
	if (user === undefined) throw wrong(FORMS);
	const exportName = decoded(url.pathname.replace(/^\//, ""));
	if (exportName === undefined || Buffer.byteLength(exportName) > NBD_STRING_MAX)
		throw wrong(`the name of an export has at most ${NBD_STRING_MAX} bytes of UTF-8`);
	const server = url.protocol.includes("unix") ? socketOf(url) : hostOf(url);
	if (server === undefined) throw wrong(FORMS);
	const host = server.kind === "tcp" ? server.host : null;
	const tls = isSecure && { tls: { files, host, user: user || null } };
	return { kind: "remote", name: text, server, ...tls, exportName, ...REMOTE_DEFAULTS };
}

/** The same in a configuration, where all disks have the files of `tls` in `[nbd]`. Throws an OperatorError. */
export function readDaemonRemote(text: string): RemoteSpec {
	const { tls, ...remote } = readRemote("remote", text);
	if (tls === undefined) return remote;
	const { files = {}, ...whom } = tls;
	if (Object.keys(files).length === 0) return { ...remote, tls: whom };
	throw new OperatorError(
		`remote ${quote(text)}: files are named by tls of [nbd], for all remote disks, and not by an address`,
	);
}

/** Takes what is about TLS out of the query. */
function filesIn(query: URLSearchParams): TlsSpec {
	const folder = query.get("tls-certificates");
	const pskFile = query.get("tls-psk-file");
	for (const key of ["tls-certificates", "tls-psk-file"]) query.delete(key);
	return {
		...(folder && {
			ca: `${folder}/ca-cert.pem`,
			certificate: `${folder}/client-cert.pem`,
			keyFile: `${folder}/client-key.pem`,
			isOptional: true,
		}),
		...(pskFile && { pskFile }),
	};
}

const TARGET_FORM = "one interface of this machine, a shelf and a slot are allowed, as in aoe:eth0:9.0";

function readTarget(text: string, wrong: (why: string) => OperatorError): TargetSpec {
	const [, interfaceName = "", shelf, slot] = /^aoe:(.+):([0-9]+)\.([0-9]+)$/.exec(text) ?? [];
	if (shelf === undefined || slot === undefined) throw wrong(TARGET_FORM);
	try {
		const [netif, another] = parseNetif(interfaceName, () => []);
		if (netif?.kind !== "interface" || another !== undefined) throw new OperatorError(TARGET_FORM);
		return {
			kind: "aoe",
			netif,
			shelf: readNumber("shelf", shelf, NUMBERS.shelf),
			slot: readNumber("slot", slot, NUMBERS.slot),
		};
	} catch (error) {
		throw error instanceof OperatorError ? wrong(error.message) : error;
	}
}

function hostOf(url: URL): ServerSpec | undefined {
	const inBrackets = /^\[(.*)\]$/.exec(url.hostname)?.[1];
	const host = inBrackets ?? decoded(url.hostname) ?? "";
	const isHost = inBrackets === undefined ? /^[A-Za-z0-9._-]+$/.test(host) : isIP(host) === 6;
	if (!isHost || [...url.searchParams.keys()].length > 0 || url.port === "0") return undefined;
	return { kind: "tcp", host, port: url.port === "" ? NBD_PORT : Number(url.port) };
}

function socketOf(url: URL): ServerSpec | undefined {
	const [[key, path = ""] = [""], ...more] = [...url.searchParams];
	const length = Buffer.byteLength(path);
	if (url.host !== "" || key !== "socket" || more.length > 0 || path.includes("\0")) return undefined;
	if (length === 0 || length > SOCKET_PATH_MAX_BYTES) return undefined;
	return { kind: "unix", path };
}

function decoded(text: string): string | undefined {
	try {
		return decodeURIComponent(text);
	} catch {
		return undefined;
	}
}
