/** What is asked of mirrors while they serve, by names of disks. Made by `daemon.ts`; asked by a worker. */

import { Member } from "../compound/member.js";
import type { Mirror } from "../compound/mirror/mirror.js";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import type { Disks } from "./disks.js";

/** Bytes, of what the parts in sync have. */
export interface Compared {
	readonly comparedBytes: number;
	readonly differentBytes: number;
	readonly repairedBytes: number;
	readonly unknownBytes: number;
	readonly isComplete: boolean;
}

export class Mirrors {
	readonly #disks: Disks;

	constructor(disks: Disks) {
		this.#disks = disks;
	}

	/** Throws an OperatorError if it is no mirror, or `from` none of its disks. */
	async verify(name: string, from: string | undefined): Promise<Compared & Record<string, unknown>> {
		const mirror = this.#of(name);
		const repair = from === undefined ? {} : { repairFrom: indexIn(mirror, from) };
		const { comparedBytes, differentBytes, repairedBytes, unknownBytes, isComplete } =
			await mirror.verify(repair);
		return { comparedBytes, differentBytes, repairedBytes, unknownBytes, isComplete };
	}

	/** Throws an OperatorError if that can't be: it is in sync, or not open. */
	resync(name: string, part: string): void {
		const mirror = this.#of(name);
		mirror.attach(indexIn(mirror, part), new Member(this.#disks.get(part)), true);
	}

	#of(name: string): Mirror {
		const mirror = this.#disks.compounds.mirrorOf(this.#disks.get(name));
		if (mirror === undefined) throw new OperatorError(`disk ${quote(name)}: is no mirror`);
		return mirror;
	}
}

function indexIn(mirror: Mirror, part: string): number {
	const found = mirror.state.members.find(({ name }) => name === part);
	if (found === undefined) throw new OperatorError(`disk ${quote(part)}: is none of the mirror`);
	return found.index;
}
