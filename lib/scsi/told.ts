/**
 * What of a disk initiators may have read and gone by, and what they have to be told when it is not so any more: its size, what it can do, by which host it is reached best
 * (SPC-4, 5.15.2.5, and SBC-3, 4.7). Of each `LogicalUnit`.
 */

import type { Disk } from "../disk.js";
import { Asc } from "./protocol.js";
import { blockLimits, provisioning } from "./vpd-blocks.js";

interface Known {
	readonly sizeBytes: number;
	/** As pages of INQUIRY have it. */
	readonly abilities: string;
	readonly hosts: string;
}

function knownOf({ device: { info, tenure } }: Disk): Known {
	const pages = Buffer.concat([blockLimits(info), provisioning(info)]);
	return {
		sizeBytes: info.sizeBytes,
		abilities: `${pages.toString("hex")} ${info.logicalBlockBytes} ${info.physicalBlockBytes}`,
		hosts: JSON.stringify(tenure?.partner ?? null),
	};
}

export class Told {
	readonly #disk: Disk;
	#known: Known;

	constructor(disk: Disk) {
		this.#disk = disk;
		this.#known = knownOf(disk);
	}

	/** Since this was asked last. */
	changes(): Asc[] {
		const before = this.#known;
		const now = knownOf(this.#disk);
		this.#known = now;
		const changes: Asc[] = [];
		if (now.sizeBytes !== before.sizeBytes) changes.push(Asc.capacityChanged);
		if (now.abilities !== before.abilities) changes.push(Asc.inquiryChanged);
		if (now.hosts !== before.hosts) changes.push(Asc.alua);
		return changes;
	}
}
