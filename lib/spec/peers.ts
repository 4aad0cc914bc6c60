/**
 * Who may connect to a protocol on byte streams: by where he is, addresses and ranges of IPv4 and IPv6, and users at unix sockets; or by whom he
 * has proved to be, names in certificates and of keys. Read
 * from configuration files by `schema.ts`; asked by exporters whenever somebody wants a disk.
 */

import { BlockList, isIP } from "node:net";
import { OperatorError, unreachable } from "../errors.js";
import { quote } from "../text.js";
import { PEER_RANGES_MAX } from "./ranges.js";
import type { PeerRange } from "./spec.js";

const UID_MAX = 2 ** 32 - 2;
const IDENTITY_BYTES_MAX = 256;
const BITS: Readonly<Record<number, number>> = { 4: 32, 6: 128 };

/** `192.0.2.0/24`, `2001:db8::1`, `uid:1000`, `cn:backup`, `psk:alice`. Throws an OperatorError for anything else. */
export function readPeer(what: string, text: string): PeerRange {
	const refuse = (why: string): never => {
		throw new OperatorError(`${what} ${quote(text)}: ${why}`);
	};
	const name = /^(?:cn|psk):(.*)$/s.exec(text)?.[1];
	if (name !== undefined) {
		if (name.length > 0 && Buffer.byteLength(name) <= IDENTITY_BYTES_MAX)
			return { kind: "identity", identity: text };
		return refuse(`a name has 1 to ${IDENTITY_BYTES_MAX} bytes, as in cn:backup or psk:alice`);
	}
	const uid = /^uid:([0-9]{1,10})$/.exec(text)?.[1];
	if (uid !== undefined && Number(uid) <= UID_MAX) return { kind: "uid", uid: Number(uid) };
	const network = networkIn(text);
	if (network !== undefined) return network;
	return refuse(
		"an address, a range, a user or a name is allowed, such as 192.0.2.7, 2001:db8::/32, uid:1000, cn:backup or psk:alice",
	);
}

/** The same where nothing but addresses is known of who connects. */
export function readNetwork(what: string, text: string): PeerRange {
	const network = networkIn(text);
	if (network !== undefined) return network;
	throw new OperatorError(
		`${what} ${quote(text)}: an address or a range is allowed, such as 192.0.2.7 or 2001:db8::/32`,
	);
}

function networkIn(text: string): PeerRange | undefined {
	const [, address = "", prefix] = /^([0-9a-fA-F.:]+)(?:\/([0-9]{1,3}))?$/.exec(text) ?? [];
	const most = BITS[isIP(address)];
	const bits = prefix === undefined ? most : Number(prefix);
	if (most === undefined || bits === undefined || bits > most) return undefined;
	return { kind: "network", address, bits };
}

/** As it was read. */
export function peerText(range: PeerRange): string {
	switch (range.kind) {
		case "network":
			return range.bits === BITS[isIP(range.address)] ? range.address : `${range.address}/${range.bits}`;
		case "uid":
			return `uid:${range.uid}`;
		case "identity":
			return range.identity;
		default:
			return unreachable(range);
	}
}

/** Throws an OperatorError for more than a list may have. */
export function readPeers(what: string, texts: readonly string[], read = readPeer): PeerRange[] {
	if (texts.length > PEER_RANGES_MAX)
		throw new OperatorError(`${what}: ${texts.length} are given; at most ${PEER_RANGES_MAX} are allowed`);
	return texts.map((text) => read(what, text));
}

/** Ranges, for whoever asks again and again who is in them. */
export class Peers {
	readonly #networks = new BlockList();
	readonly #users = new Set<number>();
	readonly #identities = new Set<string>();

	constructor(ranges: readonly PeerRange[]) {
		for (const range of ranges)
			if (range.kind === "uid") this.#users.add(range.uid);
			else if (range.kind === "identity") this.#identities.add(range.identity);
			else this.#networks.addSubnet(range.address, range.bits, isIP(range.address) === 4 ? "ipv4" : "ipv6");
	}

	/**
	 * `peer` as a stream calls who is at its other end: `192.0.2.7:4711`, `[::1]:4711`, `unix:pid 12 uid 1000`; `identity`: whom he has proved
	 * to be, null: he has not.
	 */
	has(peer: string, identity: string | null): boolean {
		if (identity !== null && this.#identities.has(identity)) return true;
		const uid = /^unix:pid [0-9]+ uid ([0-9]+)$/.exec(peer)?.[1];
		if (uid !== undefined) return this.#users.has(Number(uid));
		const [, six, four = ""] = /^(?:\[([^\]]+)\]|([^:]+)):[0-9]+$/.exec(peer) ?? [];
		// An IPv4 client of a socket for both is called ::ffff:192.0.2.7.
		const mapped = six === undefined ? undefined : /^::ffff:([0-9.]+)$/i.exec(six)?.[1];
		if (six !== undefined && mapped === undefined) return this.#networks.check(six, "ipv6");
		const address = mapped ?? four;
		return isIP(address) === 4 && this.#networks.check(address, "ipv4");
	}
}
