/** A disk at the other end of a link whose target means ill, or is one of two: its answers are spoilt on their way. For `far-ill.test.ts` and `far-others.test.ts`. */

import { AoeCommand, aoeCommand } from "../../lib/aoe/header.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { BlockOp } from "../../lib/block/request.js";
import type { StorageStatus } from "../../lib/errors.js";
import { Random } from "../../lib/random.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { request } from "../nbd/remote-bench.js";
import { Far, INTERVAL_MS, OUR_TARGET_MAC, RESEND } from "./far-bench.js";

export const MIB = 1024 * 1024;
export const LIMIT_MS = INTERVAL_MS * RESEND;
export const ROGUE_MAC = 0x02_00_00_00_00_99;
/** On the way there, and back. */
const LATENCY_MS = 5;

export function at(offsetBytes: number, op: BlockOp = BlockOp.read, fill = 0) {
	const memory = heapMemory(4096);
	memory.bytes.fill(fill);
	return { op, offsetBytes, lengthBytes: 4096, memory };
}

export function isAta(frame: Uint8Array): boolean {
	return aoeCommand.get(frame, 0) === AoeCommand.ata;
}

/** What becomes of an answer of the target: it is changed, delivered as it is, twice, in part, or not at all. */
export type Spoil = (frame: Uint8Array, deliver: () => void, far: Far) => void;

export class Ill {
	readonly far: Far;
	frames = 0;
	isIll = false;

	constructor(readonly spoil: Spoil) {
		this.far = new Far(new Random(2), new MemoryDevice(MIB));
		this.far.schedule = (deliver, frame, from) =>
			void this.far.clock.after(LATENCY_MS, () => {
				this.frames++;
				if (this.isIll && from.mac === OUR_TARGET_MAC) spoil(frame, deliver, this.far);
				else deliver();
				this.far.pump.run();
			});
	}

	static async open(spoil: Spoil) {
		const ill = new Ill(spoil);
		const { far } = ill;
		const disk = await far.until(far.open());
		const ask = async (fields: Parameters<typeof request>[2]): Promise<StorageStatus> =>
			(await far.until(request(disk, far.pump, fields))).status;
		return { ill, far, disk, ask };
	}
}
