/**
 * Where initiators are told that they can log in: the address that one has come to, and all others that are named as addresses of this machine,
 * so that one that knows of one way learns of the others. Used by `iscsi-exporter.ts`.
 */

import type { SocketSpec } from "../spec/spec.js";
import { isLoopback } from "../spec/values.js";

const ANY = new Set(["0.0.0.0", "::"]);

/** `local`: the end of a connection that is here, `192.0.2.1:3260`; undefined: it has no address. In the form of `TargetAddress`, without a group. */
export function portalsOf(local: string | undefined, places: readonly SocketSpec[]): readonly string[] {
	const here = local === undefined ? undefined : plain(local);
	const isNear = here !== undefined && isLoopback(/^\[?(.*?)\]?:[0-9]+$/.exec(here)?.[1] ?? "");
	const others = places.flatMap((place) =>
		place.kind === "unix" || ANY.has(place.address) || (isLoopback(place.address) && !isNear)
			? []
			: place.name,
	);
	return [...new Set([...(here === undefined ? [] : [here]), ...others])];
}

/** An address of IPv4 that a socket for both has. Undefined: it is none of the Internet. */
function plain(local: string): string | undefined {
	if (local.startsWith("unix:")) return undefined;
	return local.replace(/^\[::ffff:([0-9.]+)\]:/i, "$1:");
}
