/** What is asked of mirrors while they serve, by names of disks. Made by `daemon.ts`; asked by a worker. */

import { Member } from "../compound/member.js";
import type { Mirror } from "../compound/mirror/mirror.js";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import type { Disks } from "./disks.js";
import type { WorkerRequest } from "./worker-messages.js";

type VerifyRequest = Extract<WorkerRequest, { kind: "verify" }>;

/** How long a stretch takes, about: who asks for the next one may leave off. */
const STRETCH_MS = 1000;

/** What comparing a stretch came to, in bytes of what the parts in sync have. */
export interface Compared {
	/** All before this is compared. */
	readonly reachedBytes: number;
	readonly sizeBytes: number;
	readonly comparedBytes: number;
	readonly differentBytes: number;
	readonly repairedBytes: number;
	readonly unknownBytes: number;
	/** The first of them, and how many there are. */
	readonly ranges: readonly ComparedRange[];
	readonly rangeCount: number;
}

export interface ComparedRange {
	readonly offsetBytes: number;
	readonly lengthBytes: number;
	/** The parts that differ from this one, by name. */
	readonly disk: string;
	readonly differing: readonly string[];
	readonly isRepaired: boolean;
}

export class Mirrors {
	readonly #disks: Disks;

	constructor(disks: Disks) {
		this.#disks = disks;
	}

	/** Throws an OperatorError if it is no mirror, or `from` none of its disks, or if it is closed meanwhile. */
	async verify({ name, offsetBytes, from, byMajority }: VerifyRequest): Promise<Compared> {
		const mirror = this.#of(name);
		const report = await mirror.verify({
			...{ fromBytes: offsetBytes, byMajority, signal: AbortSignal.timeout(STRETCH_MS) },
			...(from !== undefined && { repairFrom: indexIn(mirror, from) }),
		});
		const { ranges, isComplete, ...bytes } = report;
		const { sizeBytes, members } = mirror.state;
		if (!isComplete && report.reachedBytes <= offsetBytes)
			throw new OperatorError(`disk ${quote(name)}: it is being closed`);
		const nameOf = (index: number): string => members.find((member) => member.index === index)?.name ?? "";
		return {
			...bytes,
			sizeBytes,
			ranges: ranges.map(({ from: index, members: differing, ...range }) => ({
				...range,
				disk: nameOf(index),
				differing: differing.map(nameOf),
			})),
		};
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
