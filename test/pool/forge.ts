/**
 * What somebody may have written to a pool's storage who knows its format: whatever a checkpoint and the head say, with checksums that are right.
 * For `forged.test.ts`.
 */

import { BlockOp } from "../../lib/block/request.js";
import { crc32c } from "../../lib/crc32c.js";
import { type BlobRef, offsetOf } from "../../lib/pool/blob-ref.js";
import { fileName } from "../../lib/pool/folder.js";
import { BLOCK_BYTES, FILE_BYTES, FILE_SLOTS, SEGMENT_BYTES } from "../../lib/pool/format.js";
import { Gather } from "../../lib/pool/gather.js";
import { decodeHead, encodeHead, type HeadState } from "../../lib/pool/head.js";
import { LineNames } from "../../lib/pool/line-names.js";
import { LogCursor } from "../../lib/pool/log-cursor.js";
import { RecordKind } from "../../lib/pool/record.js";
import { Replay } from "../../lib/pool/replay.js";
import { run } from "../../lib/pool/run.js";
import { Segments } from "../../lib/pool/segments.js";
import { Summary } from "../../lib/pool/summary.js";
import type { Random } from "../../lib/random.js";
import { heapMemory, memoryOf } from "../../lib/wire/memory.js";
import { type MemoryFolder, peek, testWorld } from "./memory-folder.js";

export const PARTS = ["text", "table", "pages", "nodes", "segments", "groups"] as const;
export type Part = (typeof PARTS)[number];

/** What one part says, in pieces. */
type Pieces = Readonly<Record<Part, readonly Uint8Array[]>>;

/** What a checkpoint has. */
export class Forge {
	#at = 512;

	private constructor(
		readonly folder: MemoryFolder,
		readonly head: HeadState,
		readonly list: Readonly<Record<Part, readonly BlobRef[]>>,
		readonly pieces: Pieces,
		/** The file that what is forged is written to. */
		readonly file: number,
	) {}

	/** Of a pool that was closed: one more file is made for what is forged. */
	static async of(folder: MemoryFolder): Promise<Forge> {
		const bytes = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
		const copies = [0, BLOCK_BYTES].map((at) => decodeHead(bytes.subarray(at, at + BLOCK_BYTES), "head"));
		const head = copies.reduce((one, other) => (one!.generation > other!.generation ? one : other))!;
		const read = async (ref: BlobRef): Promise<Uint8Array> => {
			const at = (ref.slot % FILE_SLOTS) * SEGMENT_BYTES + offsetOf(ref);
			const from = at - (at % 512);
			const whole = await peek(
				folder,
				fileName(Math.floor(ref.slot / FILE_SLOTS)),
				from,
				512 * Math.ceil((at + ref.bytes - from) / 512),
			);
			return whole.slice(at - from, at - from + ref.bytes);
		};
		const list = JSON.parse(Buffer.from(await read(head.checkpoint!)).toString()) as Forge["list"];
		const pieces = Object.fromEntries(PARTS.map((part) => [part, [] as Uint8Array[]])) as Record<
			Part,
			Uint8Array[]
		>;
		for (const part of PARTS) for (const ref of list[part]) pieces[part].push(await read(ref));
		const file = [...folder.files.keys()].length - 1;
		await folder.create(fileName(file), FILE_BYTES);
		return new Forge(folder, head, list, pieces, file);
	}

	/** The text, line by line. */
	get lines(): string[] {
		return Buffer.concat(this.pieces.text).toString().split("\n").slice(0, -1);
	}

	/** Has the pool say `pieces` for a part instead of what it says. */
	async say(part: Part, pieces: readonly Uint8Array[]): Promise<void> {
		const refs: BlobRef[] = [];
		for (const [i, bytes] of pieces.entries())
			refs.push(await this.#put(bytes, this.list[part][i] ?? this.list[part][0]!));
		await this.sayList(JSON.stringify({ ...this.list, [part]: refs }));
	}

	/** The list of pieces itself. */
	async sayList(text: string): Promise<void> {
		const { checkpoint } = this.head;
		const ref = await this.#put(Buffer.from(text), checkpoint!);
		await this.sayHead({ ...this.head, checkpoint: { ...checkpoint!, ...ref } });
	}

	/** Both copies of the head. */
	async sayHead(state: HeadState): Promise<void> {
		const { generation } = state as HeadState & { generation: number };
		for (const each of [generation, generation + 1]) {
			const bytes = encodeHead(state, each);
			await this.#write("head", (each % 2) * BLOCK_BYTES, bytes);
		}
		await run(this.folder.files.get("head")!, BlockOp.flush, 0, 0, undefined, "head");
		this.#at = 512;
	}

	/** One more record behind all that there are. */
	async sayRecord(say: (record: Gather) => void): Promise<void> {
		const world = testWorld(this.folder);
		const segments = new Segments(this.folder, this.head);
		await segments.openAll();
		const end = await new Replay(world, segments, this.head, new LineNames()).run(new Summary(heapMemory));
		const record = new Gather(heapMemory(Gather.memoryBytes));
		record.begin(end.position);
		say(record);
		record.finish(new LogCursor(end).next(RecordKind.pages, end.timeUs + 1));
		segments.find(end.position);
		const name = fileName(Math.floor(segments.slot / FILE_SLOTS));
		await this.#write(name, segments.offsetBytes, record.memory.bytes.subarray(0, record.sectors * 512));
	}

	async #put(bytes: Uint8Array, as: BlobRef): Promise<BlobRef> {
		const at = this.#at;
		this.#at = 512 * Math.ceil((at + bytes.length) / 512);
		const padded = new Uint8Array(this.#at - at);
		padded.set(bytes);
		if (padded.length > 0) await this.#write(fileName(this.file), at, padded);
		return { place: as.place, slot: this.file * FILE_SLOTS, at, bytes: bytes.length, crc: crc32c(bytes) };
	}

	async #write(name: string, at: number, bytes: Uint8Array): Promise<void> {
		await run(this.folder.files.get(name)!, BlockOp.write, at, bytes.length, memoryOf(bytes, 0), name);
	}
}

const NUMBERS = [
	0,
	1,
	-1,
	2,
	7,
	511,
	2 ** 21,
	2 ** 31,
	2 ** 32 - 1,
	2 ** 37,
	2 ** 48,
	2 ** 50,
	Number.MAX_SAFE_INTEGER,
	0.5,
	1e300,
] as const;
const OTHERS = [
	"",
	"a/b",
	"x".repeat(300),
	"\n",
	"__proto__",
	"web",
	null,
	true,
	[],
	{},
	[{}],
	{ length: 2 ** 31 },
] as const;

/** Another value, somewhere in it, or one that is missing. */
export function forgedJson(random: Random, text: string): string {
	const value: unknown = JSON.parse(text);
	const places: [Record<string, unknown>, string][] = [];
	const look = (at: unknown): void => {
		if (typeof at !== "object" || at === null) return;
		for (const key of Object.keys(at)) {
			places.push([at as Record<string, unknown>, key]);
			look((at as Record<string, unknown>)[key]);
		}
	};
	look(value);
	if (places.length === 0) return "null";
	const [of, key] = random.pick(places as [(typeof places)[0]]);
	const isNumber = typeof of[key] === "number" && random.chance(0.8);
	if (random.chance(0.05)) delete of[key];
	else of[key] = isNumber ? random.pick(NUMBERS) : random.pick(OTHERS);
	return JSON.stringify(value);
}

/** One of many is another one, missing, there twice, or in another's place. */
export function forgedList<T>(random: Random, list: readonly T[], forge: (one: T) => T): T[] {
	const at = random.below(list.length);
	const one = list[at]!;
	const other = random.below(list.length);
	const how = random.below(10);
	if (how === 0) return list.filter((_, i) => i !== at);
	if (how === 1) return [...list.slice(0, at), one, ...list.slice(at)];
	if (how === 2) return list.map((each, i) => (i === at ? list[other]! : i === other ? one : each));
	return list.map((each, i) => (i === at ? forge(each) : each));
}

/** A number somewhere in it is another one, or it is longer or shorter. */
export function forgedBytes(random: Random, bytes: Uint8Array): Uint8Array {
	const how = random.below(12);
	if (how === 0) return bytes.slice(0, random.below(bytes.length + 1));
	if (how === 1) return Buffer.concat([bytes, new Uint8Array(1 + random.below(32))]);
	const after = bytes.slice();
	const view = new DataView(after.buffer);
	const at = 4 * random.below(Math.floor(after.length / 4) || 1);
	// (Most of what is of interest is at the beginning.)
	const place = random.chance(0.5) ? Math.min(at, 4 * random.below(64)) : at;
	if (how < 6 && place + 8 <= after.length) view.setFloat64(place - (place % 8), random.pick(NUMBERS), true);
	else if (how < 9 && place + 4 <= after.length)
		view.setUint32(place, random.pick([0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0xffff]), true);
	else if (place + 2 <= after.length)
		view.setUint16(
			place + 2 * random.below(2) <= after.length - 2 ? place : 0,
			random.pick([0, 1, 0xffff, 0x8000, 0x3ff, 0x1000, 0x1800]),
			true,
		);
	return after;
}
