/**
 * An initiator port and a target port that know each other: what SAM-5 calls an I_T nexus. What a logical unit remembers of whom (unit
 * attentions, registrations) hangs on it. Made by a transport for each of its sessions; used by `unit.ts` and what stands on that.
 */

export interface InitiatorPort {
	/** The name of the device: `iqn.1993-08.org.debian:01:abc`. */
	readonly device: string;
	/** The name of the port, which is the same when it comes again: `iqn.1993-08.org.debian:01:abc,i,0x00023d000001` (RFC 7143, 4.4.1, and SPC-4, 7.6.4). */
	readonly port: string;
}

export interface TargetPort {
	/** `iqn.2026-11.org.example:web,t,0x0001`. */
	readonly name: string;
	/** 1..65535 (SPC-4, 7.7.2: relative target port identifier). */
	readonly relative: number;
}

export class Nexus {
	/** The same for the same two ports, whenever they meet. */
	readonly key: string;

	constructor(
		readonly initiator: InitiatorPort,
		readonly target: TargetPort,
	) {
		this.key = nexusKey(initiator.port, target.name);
	}
}

/** Of the names of the two ports. */
export function nexusKey(initiatorPort: string, targetPort: string): string {
	return `${initiatorPort} ${targetPort}`;
}
