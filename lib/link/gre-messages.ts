/**
 * What a tunnel process (`lib/gre/`) tells the link that it works for (`gre.ts`). It goes the way of the frames, as a frame to an
 * address that nobody has: such a frame from the network never gets so far, for the process hands on only what is to us or to all.
 *
 *    0                     6                     12       14
 *    +---------------------+---------------------+--------+------------
 *    |  00:00:00:00:00:00  |  00:00:00:00:00:00  |   0    | JSON
 *    +---------------------+---------------------+--------+------------
 *
 * The reader takes nothing on trust: whoever has taken over that process must not get further by it.
 */

import { ETH_HEADER_BYTES, ethDestination } from "../wire/ethernet.js";
import { GRE_REFUSALS } from "../wire/gre.js";

/** Why the process has not handed on what it received. */
export const TUNNEL_REFUSALS = [
	...GRE_REFUSALS,
	/** From another address than the peer's. */
	"stranger",
	/** To another MAC address than ours. */
	"elsewhere",
	/** The link did not read. */
	"full",
] as const;
export type TunnelRefusal = (typeof TUNNEL_REFUSALS)[number];
export type TunnelRefusals = Readonly<Record<TunnelRefusal, number>>;

/** How it stands, told every second. */
export interface TunnelState {
	readonly kind: "state";
	/** Our address; empty if there is no way to the peer. */
	readonly local: string;
	/** Of a frame: what the way lets pass in one packet, without the headers. 0 if there is no way. */
	readonly mtu: number;
	/** Why there is no way; else empty. */
	readonly why: string;
	readonly refused: TunnelRefusals;
	/** Frames that the kernel did not send. */
	readonly unsent: number;
}

/** It can't work, and ends. */
export interface TunnelFailure {
	readonly kind: "failed";
	readonly why: string;
}

export type TunnelMessage = TunnelState | TunnelFailure;

const NOBODY = new Uint8Array(6);
const TEXT_MAX = 200;

export function noRefusals(): Record<TunnelRefusal, number> {
	return Object.fromEntries(TUNNEL_REFUSALS.map((why) => [why, 0])) as Record<TunnelRefusal, number>;
}

/** A frame that is a message. */
export function messageFrame(message: TunnelMessage): Uint8Array {
	const text = Buffer.from(JSON.stringify(message));
	const frame = new Uint8Array(ETH_HEADER_BYTES + text.length);
	frame.set(text, ETH_HEADER_BYTES);
	return frame;
}

export function isMessage(bytes: Uint8Array, offset: number): boolean {
	return ethDestination.is(bytes, offset, NOBODY);
}

/** Undefined if it is not one that a tunnel process of ours would send. */
export function readMessage(
	bytes: Uint8Array,
	offset: number,
	frameBytes: number,
): TunnelMessage | undefined {
	const text = Buffer.from(bytes.subarray(offset + ETH_HEADER_BYTES, offset + frameBytes)).toString();
	const found = parsed(text);
	if (found.kind === "failed") return isText(found.why) ? { kind: "failed", why: found.why } : undefined;
	const { kind, local, mtu, why, refused, unsent } = found;
	if (kind !== "state" || !isText(local) || !isText(why) || !isCount(mtu) || mtu > 0xffff || !isCount(unsent))
		return undefined;
	const counts = noRefusals();
	for (const name of TUNNEL_REFUSALS) {
		const count = isObject(refused) ? refused[name] : undefined;
		if (!isCount(count)) return undefined;
		counts[name] = count;
	}
	return { kind, local, mtu, why, refused: counts, unsent };
}

function parsed(text: string): Readonly<Record<string, unknown>> {
	try {
		const found: unknown = JSON.parse(text);
		return isObject(found) ? found : {};
	} catch {
		return {};
	}
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
	return typeof value === "object" && value !== null;
}

function isText(value: unknown): value is string {
	return typeof value === "string" && value.length <= TEXT_MAX;
}

function isCount(value: unknown): value is number {
	return Number.isSafeInteger(value) && (value as number) >= 0;
}
