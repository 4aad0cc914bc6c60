/**
 * The longest frame that really passes. To another target: config queries with padding, which every target answers, and back: reads
 * that fill a frame. To an initiator, which answers nothing of AoE's: echo requests of ICMP, if `--peer` names it
 * (`peer.ts`). What can't be proved is said.
 */

import { ATA_HEADER_BYTES } from "../aoe/ata-section.js";
import { CONFIG_HEADER_BYTES, sectorsPerFrame } from "../aoe/config.js";
import { Opcode } from "../ata/opcodes.js";
import { InitiatorError, NoAnswerError } from "../client/errors.js";
import type { Initiator } from "../client/initiator.js";
import { ataQuery, configQuery, type FoundBlade } from "../client/query.js";
import type { Route } from "../client/request.js";
import { RoundTrip } from "../client/round-trip.js";
import type { InterfaceInfo } from "../link/interfaces.js";
import { ETH_HEADER_BYTES, ETH_MIN_FRAME_BYTES } from "../wire/ethernet.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { largest, nameOf, onEachInterface, targetOf } from "./ask.js";
import { type Check, type Finding, fault, note, ok, warn } from "./check.js";

/** Of more targets on an interface, only so many are tried. */
const TARGETS_MAX = 4;
const WAIT_MS = 400;

export const frames: Check = {
	name: "frames",
	limitMs: 60_000,
	run: (context) => onEachInterface(context, look),
};

async function look(initiator: Initiator, info: InterfaceInfo): Promise<Finding[]> {
	const found = await initiator.discover({ waitMs: WAIT_MS });
	const targets = [...new Map(found.map((blade) => [blade.mac, blade])).values()];
	if (targets.length === 0)
		return [
			note(
				`${nameOf(info)}: how long a frame may be that arrives could not be proved`,
				"no other target answers here, and initiators answer nothing",
				"vblade doctor --peer=IP tries the host of an initiator",
			),
		];
	const findings: Finding[] = [];
	for (const target of targets.slice(0, TARGETS_MAX))
		findings.push(
			await there(initiator, info, target),
			await back(initiator, info, target),
			...unlike(info, target),
		);
	if (targets.length > TARGETS_MAX)
		findings.push(note(`${nameOf(info)}: ${targets.length - TARGETS_MAX} other targets were not tried`));
	return findings;
}

/** A target that has another MTU, by what it announces. */
function unlike(info: InterfaceInfo, blade: FoundBlade): Finding[] {
	const { sectorsPerFrame: theirs } = blade;
	const ours = sectorsPerFrame(info.mtu);
	if (theirs <= ours) return [];
	return [
		note(
			`${nameOf(info)}: ${targetOf(blade)} announces ${theirs} sectors a frame, and the MTU of ${info.mtu} here has room for ${ours}`,
			"an initiator that believes it sends frames that are lost",
			`give both ends one MTU, of ${ATA_HEADER_BYTES + theirs * SECTOR_BYTES - ETH_HEADER_BYTES} at least`,
		),
	];
}

/** From us to a target. */
async function there(initiator: Initiator, info: InterfaceInfo, blade: FoundBlade): Promise<Finding> {
	const route = routeTo(blade);
	const most = info.mtu + ETH_HEADER_BYTES;
	const longest = await largest(ETH_MIN_FRAME_BYTES, most, (frameBytes) =>
		isAnswered(initiator.ask(route, paddedQuery(frameBytes))),
	);
	const name = nameOf(info);
	const target = targetOf(blade);
	if (longest === undefined)
		return warn(
			`${name}: ${target} answers what is sent to all, but nothing that is sent to it alone`,
			"a switch that has learned its address elsewhere, or another host with the same one",
		);
	return verdict(name, `to ${target}`, info.mtu, longest, most);
}

/** From a target to us. */
async function back(initiator: Initiator, info: InterfaceInfo, blade: FoundBlade): Promise<Finding> {
	const route = routeTo(blade);
	const name = nameOf(info);
	const target = targetOf(blade);
	const most = Math.min(blade.sectorsPerFrame || sectorsPerFrame(info.mtu), sectorsPerFrame(info.mtu));
	try {
		const longest = await largest(1, most, (sectors) => isAnswered(initiator.ask(route, readOf(sectors))));
		if (longest === undefined)
			return warn(
				`${name}: ${target} answers no read, not even of one sector`,
				"its disk hangs, or it does not let this host read",
			);
		const bytes = ATA_HEADER_BYTES + longest * SECTOR_BYTES;
		if (longest === most)
			return ok(
				`${name}: frames of ${bytes} bytes come back from ${target}`,
				`it announces ${blade.sectorsPerFrame} sectors a frame`,
			);
		return verdict(name, `from ${target}`, info.mtu, bytes, ATA_HEADER_BYTES + most * SECTOR_BYTES);
	} catch (error) {
		if (!(error instanceof InitiatorError)) throw error;
		return note(
			`${name}: how long the frames may be that come back from ${target} could not be proved`,
			error.message,
		);
	}
}

/** What follows from the longest of the frames that may be `most` bytes long. */
export function verdict(name: string, way: string, mtu: number, longest: number, most: number): Finding {
	if (longest === most)
		return ok(`${name}: frames of ${most} bytes arrive ${way}`, `the MTU of ${mtu} allows no longer ones`);
	const passed = longest - ETH_HEADER_BYTES;
	return fault(
		`${name}: ${way} no frame arrives that is longer than ${longest} bytes, though the MTU of ${mtu} allows ${most}`,
		"longer ones were sent and got no answer: something on the way, or the other end, has a smaller MTU",
		`give every port on the way an MTU of ${mtu}, or this end the smaller one: ip link set ${name} mtu ${passed}`,
	);
}

function routeTo({ shelf, slot, mac, peer }: FoundBlade): Route {
	return { shelf, slot, mac, peer, roundTrip: new RoundTrip() };
}

function paddedQuery(frameBytes: number): typeof configQuery {
	return {
		...configQuery,
		frameBytes,
		encode(bytes, at) {
			bytes.fill(0, at + CONFIG_HEADER_BYTES, at + frameBytes);
			configQuery.encode(bytes, at);
		},
	};
}

function readOf(sectors: number): ReturnType<typeof ataQuery> {
	return ataQuery({
		command: Opcode.readSectors,
		count: sectors,
		lba: 0,
		dataIn: new Uint8Array(sectors * SECTOR_BYTES),
		what: `read of ${sectors} sectors`,
	});
}

/** False if no answer came; rejects with whatever else went wrong. */
async function isAnswered(answer: Promise<unknown>): Promise<boolean> {
	try {
		await answer;
		return true;
	} catch (error) {
		if (error instanceof NoAnswerError) return false;
		throw error;
	}
}
