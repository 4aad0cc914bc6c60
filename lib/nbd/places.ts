/**
 * Places for connections, and who has them: a client may have as many as he likes while there are others left, but never all of them. For
 * whoever has many there are fewer: he gets no more than three for each that is free. So one alone has at most three quarters, and others
 * come in. Kept by `server.ts`.
 */

/** Places of one client for each that is free (a "dynamic threshold", as switches share their buffers). */
const SHARE = 3;
/** Groups of an IPv6 address that are one client's: he has all addresses that begin so. */
const GROUPS = 4;

export class Places {
	readonly #most: number;
	readonly #taken = new Map<string, number>();
	#count = 0;

	constructor(most: number) {
		this.#most = most;
	}

	/** `peer` as a stream calls who is at its other end. False: there is none for him. */
	take(peer: string): boolean {
		const client = clientOf(peer);
		const his = this.#taken.get(client) ?? 0;
		if (his >= SHARE * (this.#most - this.#count)) return false;
		this.#taken.set(client, his + 1);
		this.#count += 1;
		return true;
	}

	/** One that was taken by the same. */
	give(peer: string): void {
		const client = clientOf(peer);
		const his = this.#taken.get(client) ?? 0;
		if (his > 1) this.#taken.set(client, his - 1);
		else this.#taken.delete(client);
		this.#count -= 1;
	}
}

/** Who counts as one: an address of IPv4, a network of IPv6, a user of this machine. */
export function clientOf(peer: string): string {
	const uid = /^unix:pid [0-9]+ (uid [0-9]+)$/.exec(peer)?.[1];
	if (uid !== undefined) return uid;
	const [, six, four] = /^(?:\[([^\]]+)\]|([^:]+)):[0-9]+$/.exec(peer) ?? [];
	// An IPv4 client of a socket for both is called ::ffff:192.0.2.7.
	const mapped = six === undefined ? four : /^::ffff:([0-9.]+)$/i.exec(six)?.[1];
	if (mapped !== undefined) return mapped;
	return six === undefined ? peer : networkOf(six);
}

function networkOf(address: string): string {
	const [head = "", tail] = address.split("::");
	const groups = head.split(":").filter((group) => group !== "");
	const behind = tail === undefined ? [] : tail.split(":").filter((group) => group !== "");
	const zeros = Array.from({ length: Math.max(0, 2 * GROUPS - groups.length - behind.length) }, () => "0");
	return [...groups, ...zeros, ...behind].slice(0, GROUPS).join(":");
}
