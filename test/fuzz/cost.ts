/**
 * What one frame buys, counted: steps (comparisons, entries of lists, blades looked at), requests to the storage and their
 * ranges, and bytes of answers. A target with storage that answers nothing until it is told to, so that requests pile up as they
 * do before a disk that is slow, gets frames of one family; the dearest of them is what a sender can choose. Used by
 * `cost.test.ts`.
 */

import type { BlockDevice } from "../../lib/block/device.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { Random } from "../../lib/random.js";
import { turn } from "../../lib/turn.js";
import { ManualDevice } from "../block/devices.js";
import { ataFrame } from "../support/frames.js";
import { RecordingLink } from "../support/recording-link.js";
import { Bench } from "../support/target-bench.js";
import { type Family, randomFrame } from "./families.js";
import { ADDRESSES, BUSY, INITIATORS, TARGET } from "./stamps.js";

export interface Cost {
	readonly steps: number;
	readonly requests: number;
	readonly ranges: number;
	readonly bytes: number;
}

/** How a blade's storage is put together; another one for planted faults. */
export type Stack = (device: BlockDevice) => BlockDevice;

const MTU = 9000;
/** Of the link; a blade may have half of them under way. */
export const SLOTS = 1024;
const DISK_BYTES = 2 ** 40;
const NOTHING: Cost = { steps: 0, requests: 0, ranges: 0, bytes: 0 };

/** Frames that are as dear as they can be made, beside those of `families.ts`. */
export const DEAREST = ["lists", "lists in a row", "whole disks", "long verifies"] as const;
export type Kind = Family | (typeof DEAREST)[number];

/** Sends `frames` of a kind and returns the most that one of them has bought, and the most that one answer of the storage has cost. */
export function dearest(
	kind: Kind,
	frames: number,
	seed: number,
	stack: Stack,
): { frame: Cost; completion: Cost } {
	const random = new Random(seed);
	const link = new RecordingLink({ mtu: MTU, rooms: SLOTS });
	const bench = new Bench({ link });
	const devices = ADDRESSES.map(([shelf, slot]) => {
		const device = new ManualDevice({ sizeBytes: DISK_BYTES });
		bench.disk(shelf, slot, stack(device));
		return device;
	});
	const pending = (): BlockRequest[] => devices.flatMap((device) => device.pending);
	const measure = (act: () => void): Cost => {
		const before = turn.total;
		const known = new Set(pending());
		act();
		const bought = pending().filter((request) => !known.has(request));
		return {
			steps: turn.total - before,
			requests: bought.length,
			ranges: bought.reduce((sum, { ranges }) => sum + (ranges === null ? 1 : ranges.length / 2), 0),
			bytes: link.take().reduce((sum, { length }) => sum + length, 0),
		};
	};
	let frame = NOTHING;
	let completion = NOTHING;
	for (let i = 0; i < frames; i++) {
		const bytes = make(kind, random);
		frame = most(
			frame,
			measure(() => link.receive(bytes)),
		);
		bench.clock.step();
		// As many under way as there may be, most of the time.
		const busy = devices.filter((device) => device.pending.length > 0);
		while (link.freeRooms < SLOTS / 2 + 2 && busy.length > 0) {
			const device = random.pick(busy as [ManualDevice]);
			if (device.pending.length === 0) break;
			completion = most(
				completion,
				measure(() => device.done(random.below(device.pending.length))),
			);
		}
	}
	return { frame, completion };
}

function most(one: Cost, other: Cost): Cost {
	return {
		steps: Math.max(one.steps, other.steps),
		requests: Math.max(one.requests, other.requests),
		ranges: Math.max(one.ranges, other.ranges),
		bytes: Math.max(one.bytes, other.bytes),
	};
}

function make(kind: Kind, random: Random): Buffer {
	const [shelf, slot] = BUSY;
	const header = { dst: TARGET, src: INITIATORS[0], shelf, slot };
	const sectors = DISK_BYTES / 512;
	const list = (entry: (i: number) => readonly [lba: number, sectors: number]): Buffer => {
		const data = Buffer.alloc(17 * 512);
		for (let i = 0; i < data.length / 8; i++) {
			const [lba, count] = entry(i);
			data.writeUIntLE(lba, 8 * i, 6);
			data.writeUInt16LE(count, 8 * i + 6);
		}
		return ataFrame(header, { command: 0x06, feature: 1, count: 17, aflags: 0x41, data });
	};
	switch (kind) {
		case "lists":
			return list(() => [random.below(sectors), 1]);
		case "lists in a row": {
			const first = random.below(1000) * 2 * 1088;
			return list((i) => [first + 2 * i, 1]);
		}
		case "whole disks":
			return list((i) => [Math.floor((i * sectors) / 1088), 0xffff]);
		case "long verifies":
			return ataFrame(header, { command: 0x42, aflags: 0x40, count: 0, lba: random.below(1000) });
		default:
			return randomFrame(random, kind, { target: TARGET, mtu: MTU });
	}
}
