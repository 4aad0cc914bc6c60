/**
 * The frame by which servers of this kind speak about an address: a config query (AoE specification, section 3.2) to all
 * hosts, so that every target answers it, with a few bytes behind the query where the shortest Ethernet frame has padding. A
 * target of another kind does not look at those, an initiator at none of it. Written and read by `neighbours.ts`.
 *
 *      0               1               2               3
 *      0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7 0 1 2 3 4 5 6 7
 *      +---------------------------------------------------------------+
 *   32 |                         "vbld"                                |
 *      +---------------+---------------+-------------------------------+
 *   36 |   standing    |     kind      |       rank                    |
 *      +---------------+---------------+                               +
 *   40 |                                                               |
 *      +---------------------------------------------------------------+
 *   44 |                     seconds served                            |
 *      +---------------------------------------------------------------+
 */

import { ETHERTYPE_AOE, ethSource, ethType, MAC_BROADCAST } from "../wire/ethernet.js";
import { Field8, Field32, FieldMac } from "../wire/fields.js";
import { CONFIG_HEADER_BYTES, ConfigCommand, configVersionCommand } from "./config.js";
import {
	AOE_HEADER_BYTES,
	AOE_VERSION,
	AoeCommand,
	aoeCommand,
	aoeTag,
	aoeVersion,
	isResponse,
	padFrame,
	writeHeader,
} from "./header.js";
import type { Party } from "./rivals.js";

const probeMagic = new Field32(32);
const probeStanding = new Field8(36);
const probeKind = new Field8(37);
const probeRank = new FieldMac(38);
const probeSeconds = new Field32(44);

/** Bytes up to the end of what a probe says. */
const PROBE_BYTES = 48;
const MAGIC = 0x7662_6c64;
const SECONDS_MAX = 0xffff_ffff;
/** In the order of their numbers. */
const STANDINGS: readonly Party["standing"][] = ["asking", "serving", "forced"];

export const ProbeKind = {
	/** Who has this address? The tag is new. */
	question: 0,
	/** I do, or want it too: said to the question that has this tag. Never answered. */
	answer: 1,
} as const;
export type ProbeKind = (typeof ProbeKind)[keyof typeof ProbeKind];

export interface Probe {
	readonly shelf: number;
	readonly slot: number;
	readonly tag: number;
	readonly kind: ProbeKind;
	readonly sender: Party;
}

/** Writes a probe where there is room for the shortest Ethernet frame. Returns its bytes. */
export function writeProbe(bytes: Uint8Array, at: number, probe: Probe): number {
	const { shelf, slot, tag, kind, sender } = probe;
	writeHeader(bytes, at, {
		destination: MAC_BROADCAST,
		source: sender.mac,
		flags: 0,
		shelf,
		slot,
		command: AoeCommand.config,
		tag,
	});
	bytes.fill(0, at + AOE_HEADER_BYTES, at + CONFIG_HEADER_BYTES);
	probeMagic.set(bytes, at, MAGIC);
	probeStanding.set(bytes, at, STANDINGS.indexOf(sender.standing));
	probeKind.set(bytes, at, kind);
	probeRank.set(bytes, at, sender.rank);
	probeSeconds.set(bytes, at, Math.min(Math.floor(sender.servedSeconds), SECONDS_MAX));
	return padFrame(bytes, at, PROBE_BYTES);
}

/** True for a probe of another server's (or of ours, heard again). */
export function isProbe(bytes: Uint8Array, at: number, frameBytes: number): boolean {
	return (
		frameBytes >= PROBE_BYTES &&
		probeMagic.get(bytes, at) === MAGIC &&
		ethType.get(bytes, at) === ETHERTYPE_AOE &&
		aoeVersion(bytes, at) === AOE_VERSION &&
		!isResponse(bytes, at) &&
		aoeCommand.get(bytes, at) === AoeCommand.config &&
		(configVersionCommand.get(bytes, at) & 0x0f) === ConfigCommand.read &&
		probeStanding.get(bytes, at) < STANDINGS.length
	);
}

/** True for the answer to a probe: there is nothing more to say to it. */
export function isProbeAnswer(bytes: Uint8Array, at: number): boolean {
	return probeKind.get(bytes, at) === ProbeKind.answer;
}

export function probeTag(bytes: Uint8Array, at: number): number {
	return aoeTag.get(bytes, at);
}

/** Who has sent a probe, by its own words. */
export function probeSender(bytes: Uint8Array, at: number): Party {
	return {
		standing: STANDINGS[probeStanding.get(bytes, at)] ?? "asking",
		mac: ethSource.get(bytes, at),
		rank: probeRank.get(bytes, at),
		servedSeconds: probeSeconds.get(bytes, at),
	};
}
