/**
 * The argument `netif`: one interface, a list, a glob matched against the interfaces of this machine, a tunnel, or a unix
 * socket; `pcap:` before an interface or glob takes the way through libpcap.
 * The command line gives lists, configuration files their parts; what is written wrong is told when it is read, and what a glob
 * means when there are interfaces to match. Hands on the list of links to serve a blade on.
 */

import { createRequire } from "node:module";
import type picomatch from "picomatch";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { GRE_PREFIX, readGrePeer } from "./gre.js";
import { SOCKET_PATH_MAX_BYTES } from "./ranges.js";
import type { NetifSpec } from "./spec.js";

/** Longest name an interface may have (ALTIFNAMSIZ of linux/if.h, without the final zero byte). */
const INTERFACE_NAME_MAX = 127;
const UNIX_PREFIX = "unix:";
const PCAP_PREFIX = "pcap:";

/**
 * A part of a list: tells its links, one or those of the interfaces that a glob matches, `present` being those of this machine.
 * Throws an OperatorError if there is none.
 */
type NetifPart = (present: () => readonly string[]) => NetifSpec[];

/** The links of one `netif` argument; throws an OperatorError as `readNetif` does, or for a glob that matches none of `present()`. */
export function parseNetif(text: string, present: () => readonly string[]): NetifSpec[] {
	return linksOf([text], present);
}

/** The links of several, each once. */
export function linksOf(texts: readonly string[], present: () => readonly string[]): NetifSpec[] {
	const specs = texts.flatMap((text) => readNetif(text).flatMap((part) => part(present)));
	return [...new Map(specs.map((spec) => [spec.name, spec])).values()];
}

/**
 * Reads one `netif` argument. A `unix:` part takes the rest of the argument, since a path may have commas. Throws an
 * OperatorError for an empty part or an impossible name.
 */
export function readNetif(text: string): NetifPart[] {
	const at = text.startsWith(UNIX_PREFIX) ? 0 : text.indexOf(`,${UNIX_PREFIX}`) + 1;
	const hasUnix = text.startsWith(UNIX_PREFIX, at);
	const list = hasUnix ? text.slice(0, Math.max(0, at - 1)) : text;
	const parts = hasUnix && at === 0 ? [] : list.split(",").map((part) => readInterface(part, text));
	if (!hasUnix) return parts;
	const unix = parseUnix(text.slice(at));
	return [...parts, () => [unix]];
}

function readInterface(part: string, text: string): NetifPart {
	if (part.startsWith(GRE_PREFIX)) {
		const tunnel: NetifSpec = { kind: "gre", name: part, peer: readGrePeer(part) };
		return () => [tunnel];
	}
	const viaPcap = part.startsWith(PCAP_PREFIX);
	const expand = readGlob(viaPcap ? part.slice(PCAP_PREFIX.length) : part, text);
	return (present) => expand(present).map((name) => (viaPcap ? pcapSpec(name) : { kind: "interface", name }));
}

function pcapSpec(interfaceName: string): NetifSpec {
	return { kind: "pcap", name: `${PCAP_PREFIX}${interfaceName}`, interfaceName };
}

function parseUnix(name: string): NetifSpec {
	const path = name.slice(UNIX_PREFIX.length);
	const length = Buffer.byteLength(path);
	if (length < 1 || length > SOCKET_PATH_MAX_BYTES || path.includes("\0"))
		throw new OperatorError(
			`netif ${quote(name)}: the path of a unix socket has 1 to ${SOCKET_PATH_MAX_BYTES} bytes`,
		);
	return { kind: "unix", name, path };
}

/** What tells which interfaces one part of the list means. */
function readGlob(part: string, text: string): (present: () => readonly string[]) => readonly string[] {
	const badName = part === "." || part === ".." || /[\s/:\0]/.test(part);
	if (part === "" || Buffer.byteLength(part) > INTERFACE_NAME_MAX || badName)
		throw new OperatorError(
			`netif ${quote(text)}: an interface (eth0), a list (eth0,eth1), a glob (eth*), pcap:NAME, gre:ADDRESS or unix:PATH is allowed`,
		);
	if (!/[*?[]/.test(part)) return () => [part];
	const matches = globMatcher(part, text);
	return (present) => {
		const all = present();
		const found = all.filter((name) => matches(name));
		if (found.length > 0) return found;
		throw new OperatorError(
			`netif ${quote(text)}: no interface matches; there are ${all.join(", ") || "none"}`,
		);
	};
}

/** Asks whether a whole name is what a shell's glob (`*`, `?`, `[0-3]`, `[!ab]`) means. Loads what does it only now. */
function globMatcher(glob: string, text: string): (name: string) => boolean {
	const match = createRequire(import.meta.url)("picomatch") as typeof picomatch;
	try {
		return match(glob, {
			// An interface is no path, and what shells have only as extensions is none of these.
			...{ dot: true, nobrace: true, noextglob: true, noglobstar: true, nonegate: true },
			// [!ab]
			posix: true,
			// Say so, rather than match nothing.
			debug: true,
		});
	} catch {
		throw new OperatorError(`netif ${quote(text)}: not a glob that a shell would understand`);
	}
}
