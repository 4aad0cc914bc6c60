// Records, notes and the head as bytes: what was written is read, and what was changed anywhere is refused.
import t from "tap";
import { crc32c } from "../../lib/crc32c.js";
import { BLOCK_BYTES, BLOCK_SECTORS, FORMAT, RECORD_ENTRIES } from "../../lib/pool/format.js";
import { ABSENT, Gather, HOLE } from "../../lib/pool/gather.js";
import { decodeHead, encodeHead } from "../../lib/pool/head.js";
import { decodeNote, encodeNote, type Note } from "../../lib/pool/notes.js";
import { HEADER_ENTRIES, headerBytes, RecordKind, readHeader } from "../../lib/pool/record.js";
import { deliverPacked } from "../../lib/pool/replay-records.js";
import { Random } from "../../lib/random.js";
import { heapMemory } from "../../lib/wire/memory.js";

const FRAME = {
	kind: RecordKind.pages,
	pool: 2 ** 52 + 7,
	incarnation: 3,
	epoch: 1,
	sequence: 2 ** 40 + 1,
	timeUs: 1_764_000_000_000_000,
	stable: 2 ** 40,
	previousCrc: 0xdeadbeef,
	nextSlot: 17,
};
const CREATE: Note = {
	note: "create",
	line: 1,
	name: "web",
	sizeBytes: 2 ** 40,
	pageBytes: 4096,
	serial: "0123",
	wwn: "3123456789abcdef",
};

function newGather(position = 8192): Gather {
	const gather = new Gather(heapMemory(Gather.memoryBytes));
	gather.begin(position);
	return gather;
}

/** What a packed record says, a line for each. */
function toldBy(packed: Uint8Array): string[] | undefined {
	const told: string[] = [];
	const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
	const end = deliverPacked(packed, view, 0, packed.length, undefined, {
		since: 0,
		isFull: false,
		isReadyFor: () => true,
		settle: async () => {},
		page: (volume, page, position, sectors) => told.push(`${volume}:${page} at ${position}+${sectors}`),
		hole: (volume, page, count) => told.push(`${volume}:${page}+${count} zeros`),
		notes: (notes) => told.push(...notes.map((note) => String(decodeNote(note)?.note))),
	});
	return end === packed.length ? told : undefined;
}

function packedOf(gather: Gather): Uint8Array {
	gather.finish(FRAME);
	const packed = new Uint8Array(gather.packedBytes);
	gather.pack(packed, 0);
	return packed;
}

t.test("what is gathered is found, and what came later counts", async (t) => {
	const gather = newGather();
	t.equal(gather.find(1, 5), ABSENT);
	const at = gather.page(1, 5, 8);
	t.equal(at, BLOCK_BYTES, "behind the header's block");
	t.equal(gather.page(2, 5, 8), at + 4096, "of another volume");
	t.equal(gather.page(1, 5, 8), at, "a page that is here stays where it is");
	gather.hole(1, 0, 10);
	t.equal(gather.find(1, 5), HOLE);
	t.equal(gather.find(1, 10), ABSENT, "behind the range");
	t.not(gather.page(1, 5, 8), at, "written again it comes after the range");
	t.ok(gather.find(1, 5) > 0);
	gather.hole(1, 5, 1);
	t.equal(gather.find(1, 5), HOLE);
	t.equal(gather.page(3, 1, 1) % BLOCK_BYTES, 0, "a small page");
	t.equal(gather.page(1, 7, 8) % BLOCK_BYTES, 0, "a large one behind it begins with a block");
});

t.test("a record says what was gathered, in order", async (t) => {
	const gather = newGather();
	gather.page(1, 2 ** 40, 8);
	gather.hole(1, 3, 2 ** 32 - 1);
	gather.page(2, 1, 1);
	gather.page(2, 2, 8);
	gather.addNote(encodeNote(CREATE));
	const begin = 8192 + BLOCK_SECTORS;
	t.strictSame(toldBy(packedOf(gather)), [
		`1:${2 ** 40} at ${begin}+8`,
		`1:3+${2 ** 32 - 1} zeros`,
		`2:1 at ${begin + 8}+1`,
		`2:2 at ${begin + 16}+8`,
		"create",
	]);
	const { bytes, view } = gather.memory;
	t.match(readHeader(bytes, view, 0), { ...FRAME, entryCount: 4, position: 8192 });
});

t.test("entries that the header's block has no room for are in the tail", async (t) => {
	const gather = newGather();
	for (let page = 0; page < RECORD_ENTRIES; page++) gather.page(1, 3 * page, 1);
	t.equal(toldBy(packedOf(gather))?.length, RECORD_ENTRIES);
	t.equal(gather.hasRoom(1, 1, 0), false, "it is full");
	gather.begin(0);
	t.ok(gather.isEmpty);
	t.equal(gather.find(1, 3), ABSENT);
	for (let page = 0; page <= HEADER_ENTRIES; page++) gather.hole(1, 2 * page, 1);
	t.equal(gather.sectors, 2 * BLOCK_SECTORS, "one more than the block holds");
});

t.test("a header that was changed in any byte is none", async (t) => {
	const gather = newGather();
	for (let page = 0; page < 5; page++) gather.page(1, page, 8);
	gather.finish(FRAME);
	const { bytes, view } = gather.memory;
	const random = new Random();
	for (let at = 0; at < headerBytes(5); at++) {
		const before = bytes[at]!;
		bytes[at] = before ^ (1 + random.below(255));
		t.equal(readHeader(bytes, view, 0), undefined, `byte ${at}, seed ${random.seed}`);
		bytes[at] = before;
	}
	t.ok(readHeader(bytes, view, 0), "unchanged it is one");
});

t.test("packed records of hostile bytes are refused, and nothing is read outside of them", async (t) => {
	const random = new Random();
	const gather = newGather();
	gather.page(1, 1, 8);
	gather.addNote(encodeNote(CREATE));
	const packed = packedOf(gather);
	for (let round = 0; round < 300; round++) {
		const length = random.below(packed.length);
		t.equal(toldBy(packed.slice(0, length)), undefined, `cut to ${length}`);
	}
	for (const text of [
		"",
		"[]",
		"null",
		'{"note":"gone"}',
		'{"note":"resize","line":-1,"sizeBytes":1}',
		"\xff",
	])
		t.equal(decodeNote(Uint8Array.from([0, 0, 0, 0, ...Buffer.from(text, "latin1")])), undefined, text);
	t.strictSame(decodeNote(encodeNote(CREATE)), CREATE);
});

t.test("the head is read as it was written, and not if any of its bytes was changed", async (t) => {
	const start = { segment: 4, slot: 2, sequence: 9, crc: 0xffffffff, timeUs: 12 };
	const state = { pool: 77, incarnation: 2, epoch: 0, start, stable: 12 };
	const bytes = encodeHead(state, 5);
	t.strictSame(decodeHead(bytes, "head"), { ...state, generation: 5 });
	const random = new Random();
	const used = bytes.findLastIndex((byte) => byte !== 0);
	for (let at = 0; at <= used; at++) {
		const changed = bytes.slice();
		changed[at]! ^= 1 + random.below(255);
		t.equal(decodeHead(changed, "head"), undefined, `byte ${at}, seed ${random.seed}`);
	}
	const later = bytes.slice();
	const view = new DataView(later.buffer);
	view.setUint32(4, FORMAT + 1, true);
	const textEnd = 16 + view.getUint32(8, true);
	view.setUint32(12, crc32c(later, 16, textEnd, crc32c(later, 0, 12)), true);
	t.throws(() => decodeHead(later, "head"), /a pool of format \d+; this version knows formats 1 to \d+/);
});
