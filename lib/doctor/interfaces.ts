/**
 * What the kernel says of the interfaces: are they up, how fast, with which MTU, and does what is below them carry that; how large
 * is the device's ring, and does it pause.
 */

import { LEAST_MTU } from "../aoe/config.js";
import type { InterfaceInfo } from "../link/interfaces.js";
import { type InterfaceHardware, native } from "../native.js";
import { nameOf } from "./ask.js";
import { type Check, type Context, type Finding, fault, note, ok, warn } from "./check.js";
import type { Machine } from "./machine.js";

/** What is slower is told: a disk would be, too. */
const SLOW_MBITS = 1000;
/** Frames of an initiator's bursts: a ring that is smaller loses some. */
const RING_LEAST = 256;

export const interfaces: Check = {
	name: "interfaces",
	limitMs: 10_000,
	run: ({ machine, interfaces }) => {
		if (interfaces.length === 0) return [warn("there is no Ethernet interface that is up")];
		return interfaces.flatMap((info) => look(machine, info));
	},
};

function look(machine: Machine, info: InterfaceInfo): Finding[] {
	const name = nameOf(info);
	const trouble = [...ofState(name, info), ...ofSpeed(machine, name), ...ofMtu(machine, name, info.mtu)];
	if (trouble.length > 0) return trouble;
	return [ok(`${name}: up, with an MTU of ${info.mtu}`)];
}

function ofState(name: string, info: InterfaceInfo): Finding[] {
	const found: Finding[] = [];
	if (!info.up)
		found.push(
			fault(`${name}: is down, or has no carrier`, undefined, `ip link set ${name} up; look at the cable`),
		);
	if (info.bridge !== 0) {
		const bridge = native.interfaceName(info.bridge) ?? "a bridge";
		found.push(
			fault(
				`${name}: is a port of ${bridge}`,
				"the bridge takes all frames; none arrives here",
				`serve on ${bridge}`,
			),
		);
	}
	return found;
}

function ofSpeed(machine: Machine, name: string): Finding[] {
	const found: Finding[] = [];
	const speed = machine.number(`/sys/class/net/${name}/speed`);
	if (machine.read(`/sys/class/net/${name}/duplex`) === "half")
		found.push(
			warn(
				`${name}: sends and receives by turns (half duplex)`,
				"one end negotiates, the other does not",
				"set both ends to negotiate",
			),
		);
	if (speed !== undefined && speed > 0 && speed < SLOW_MBITS)
		found.push(warn(`${name}: has ${speed} Mbit/s`, "a bad cable, or a port that is set to it"));
	return found;
}

/** Whatever is below an interface has to carry its frames: ports of a bridge, the device of a VLAN, those of a bond. */
function ofMtu(machine: Machine, name: string, mtu: number): Finding[] {
	if (mtu < LEAST_MTU)
		return [
			fault(
				`${name}: an MTU of ${mtu} leaves no room for a sector`,
				`AoE needs ${LEAST_MTU}`,
				`ip link set ${name} mtu 1500`,
			),
		];
	const folder = `/sys/class/net/${name}`;
	const below = machine
		.names(folder)
		.filter((entry) => entry.startsWith("lower_"))
		.map((entry) => entry.slice("lower_".length));
	return [...new Set([...below, ...machine.names(`${folder}/brif`)])].flatMap((lower) => {
		const lowerMtu = machine.number(`/sys/class/net/${lower}/mtu`) ?? mtu;
		if (lowerMtu >= mtu) return [];
		return [
			fault(
				`${name}: has an MTU of ${mtu}, but ${lower} below it one of ${lowerMtu}`,
				"longer frames are lost there without a word",
				`ip link set ${lower} mtu ${mtu}, or ip link set ${name} mtu ${lowerMtu}`,
			),
		];
	});
}

export const hardware: Check = {
	name: "hardware",
	limitMs: 10_000,
	run: (context: Context) =>
		context.interfaces.flatMap((info) => ofHardware(nameOf(info), native.interfaceHardware(nameOf(info)))),
};

/** What follows from the device's ring and its flow control. */
export function ofHardware(name: string, { ring, pause }: InterfaceHardware): Finding[] {
	const found: Finding[] = [];
	if (ring === undefined) found.push(note(`${name}: its driver does not tell the size of its ring`));
	else if (ring.receive < ring.receiveMax && ring.receive < RING_LEAST)
		found.push(
			warn(
				`${name}: the ring has room for ${ring.receive} frames, of ${ring.receiveMax} that it could have`,
				"a burst of several initiators does not fit",
				`ethtool -G ${name} rx ${ring.receiveMax}`,
			),
		);
	else found.push(ok(`${name}: the ring has room for ${ring.receive} frames, of ${ring.receiveMax}`));
	if (pause === undefined) found.push(note(`${name}: its driver does not tell of flow control`));
	else if (pause.receive && pause.send) found.push(ok(`${name}: flow control is on, both ways`));
	else
		found.push(
			note(
				`${name}: flow control is ${pause.receive || pause.send ? "on one way only" : "off"}`,
				"without it a switch drops what a port can't take, and initiators wait until they ask again",
				`ethtool -A ${name} rx on tx on, and the same at the switch`,
			),
		);
	return found;
}
