/**
 * The argument `netif`: one interface, a list, a glob matched against the interfaces of this machine, a tunnel, or a unix
 * socket; `pcap:` before an interface or glob takes the way through libpcap.
 * Asked by `arguments.ts` and `client.ts`; hands on the list of links to serve a blade on.
 */

import { createRequire } from "node:module";
import type picomatch from "picomatch";
import { OperatorError } from "../errors.js";
import { GRE_PREFIX, readGrePeer } from "../spec/gre.js";
import type { NetifSpec } from "../spec/spec.js";
import { SOCKET_PATH_MAX_BYTES } from "../spec/values.js";
import { quote } from "../text.js";

/** Longest name an interface may have (ALTIFNAMSIZ of linux/if.h, without the final zero byte). */
const INTERFACE_NAME_MAX = 127;
const UNIX_PREFIX = "unix:";
const PCAP_PREFIX = "pcap:";

/**
 * Reads one `netif` argument. A `unix:` part takes the rest of the argument, since a path may have commas. Throws an
 * OperatorError for an empty part, an impossible name, or a glob that matches none of `present()`.
 */
export function parseNetif(text: string, present: () => readonly string[]): NetifSpec[] {
	const specs = new Map<string, NetifSpec>();
	const at = text.startsWith(UNIX_PREFIX) ? 0 : text.indexOf(`,${UNIX_PREFIX}`) + 1;
	const hasUnix = text.startsWith(UNIX_PREFIX, at);
	const list = hasUnix ? text.slice(0, Math.max(0, at - 1)) : text;
	if (!(hasUnix && at === 0)) {
		for (const part of list.split(",")) {
			if (part.startsWith(GRE_PREFIX)) {
				specs.set(part, { kind: "gre", name: part, peer: readGrePeer(part) });
				continue;
			}
			const viaPcap = part.startsWith(PCAP_PREFIX);
			for (const name of expand(viaPcap ? part.slice(PCAP_PREFIX.length) : part, text, present)) {
				const spec = viaPcap ? pcapSpec(name) : ({ kind: "interface", name } as const);
				specs.set(spec.name, spec);
			}
		}
	}
	if (hasUnix) {
		const spec = parseUnix(text.slice(at));
		specs.set(spec.name, spec);
	}
	return [...specs.values()];
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

/** The interfaces that one part of the list means. */
function expand(part: string, text: string, present: () => readonly string[]): readonly string[] {
	const badName = part === "." || part === ".." || /[\s/:\0]/.test(part);
	if (part === "" || Buffer.byteLength(part) > INTERFACE_NAME_MAX || badName)
		throw new OperatorError(
			`netif ${quote(text)}: an interface (eth0), a list (eth0,eth1), a glob (eth*), pcap:NAME, gre:ADDRESS or unix:PATH is allowed`,
		);
	if (!/[*?[]/.test(part)) return [part];
	const all = present();
	const matches = globMatcher(part, text);
	const found = all.filter((name) => matches(name));
	if (found.length === 0)
		throw new OperatorError(
			`netif ${quote(text)}: no interface matches; there are ${all.join(", ") || "none"}`,
		);
	return found;
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
