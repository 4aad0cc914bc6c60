/** Ports of a target, and groups of those (SPC-4, 5.15): in which state a group is, is decided by whoever serves it. Told of by `port-groups.ts`. */

import { createHash } from "node:crypto";

/** SPC-4, table 37. */
export const PortGroupState = { optimized: 0x0, nonOptimized: 0x1, standby: 0x2, unavailable: 0x3 } as const;
export type PortGroupState = (typeof PortGroupState)[keyof typeof PortGroupState];

export interface GroupPort {
	/** As `portName` has it. */
	readonly name: string;
	/** 1..65535. */
	readonly relative: number;
}

/** Ports through which all units are reached alike. */
export interface PortGroup {
	/** 1..65535. */
	readonly id: number;
	readonly ports: readonly GroupPort[];
}

/**
 * The number of a host's ports, and of their group, where two hosts serve a unit: for the same name the same everywhere, so that each knows the other's. 2..65535: 1 is that
 * of ports of units that one host has at a time.
 */
export function hostNumber(name: string): number {
	return 2 + (createHash("sha256").update(name).digest().readUInt32BE(0) % 0xfffe);
}

/** Of a target's port: its name, and the tag of a portal group (RFC 7143, 4.2.7.1). */
export function portName(target: string, tag: number): string {
	return `${target},t,0x${tag.toString(16).padStart(4, "0")}`;
}
