// Which disks of several are those of a pool, and may be used as they are: by their labels alone.
import t from "tap";
import { decodeLabel, encodeLabel } from "../../../lib/pool/chunks/label.js";
import {
	assess,
	type Candidate,
	type ChunkEntry,
	type Label,
	opened,
} from "../../../lib/pool/chunks/table.js";
import { sizeFor } from "./disks.js";

function entry(id: number, more: Partial<ChunkEntry> = {}): ChunkEntry {
	const known = { name: `d${id}`, places: 2, leaving: false, present: true, sessions: ["before"] };
	return { id, uuid: `u${id}`, ...known, ...more };
}

function label(id: number, more: Partial<Label> = {}): Label {
	const table = {
		pool: "p",
		generation: 5,
		session: "now",
		nextId: 3,
		chunks: [0, 1].map((each) => entry(each)),
	};
	return { ...table, files: [{ chunk: 1, place: 0 }], uuid: `u${id}`, ...more };
}

function disk(id: number, more: Partial<Label> | null = {}, files = 2): Candidate {
	return { name: `disk${id}`, sizeBytes: sizeFor(files), label: more === null ? undefined : label(id, more) };
}

t.test("a label is read as it was written, and not at all if anything of it is another", async (t) => {
	const one = label(1, { files: Array.from({ length: 1000 }, (_, place) => ({ chunk: 0, place })) });
	const chunks = [entry(0, { places: 1000 }), entry(1)];
	const bytes = encodeLabel({ ...one, chunks });
	t.equal(bytes.length % 4096, 0);
	t.strictSame(decodeLabel(bytes, "disk"), { ...one, chunks });
	for (const at of [0, 8, 12, 16, 20, 300, 8000]) {
		const other = bytes.slice();
		other[at]! ^= 1;
		t.equal(decodeLabel(other, "disk"), undefined, `byte ${at}`);
	}
	const later = bytes.slice();
	later[4] = 2;
	t.throws(() => decodeLabel(later, "disk far"), /disk far: .*format 2; this version knows 1/);
	t.equal(decodeLabel(bytes.subarray(0, 4096), "disk"), undefined, "it is cut off");
	t.equal(decodeLabel(encodeLabel(one), "disk"), undefined, "files lie behind the end of a disk");
});

t.test("the newest label counts, and tells which disks there are", async (t) => {
	const newer = { generation: 6, files: [{ chunk: 0, place: 1 }] };
	const assessed = assess([disk(0, newer), disk(1), disk(2, null)]);
	t.strictSame(assessed?.table.files, newer.files);
	t.strictSame([...(assessed?.found.keys() ?? [])], [0, 1]);
	t.equal(assess([disk(0, null)]), undefined);
	const [missing] = assess([disk(0)])?.missing ?? [];
	t.equal(missing?.name, "d1");
});

t.test("one that is none of them any more, or was never quite, is left alone", async (t) => {
	const assessed = assess([disk(0), disk(1), disk(2, { generation: 0 })]);
	t.strictSame(
		[...(assessed?.found.values() ?? [])].map(({ name }) => name),
		["disk0", "disk1"],
	);
});

t.test("what is not as the pool had it last is refused", async (t) => {
	const refused = (why: RegExp, ...disks: Candidate[]): void => void t.throws(() => assess(disks), why);
	refused(/disk "disk1": has a part of another pool/, disk(0, { generation: 6 }), disk(1, { pool: "q" }));
	refused(/disk "disk1": has the same part .* as disk "disk0"/, disk(0), { ...disk(0), name: "disk1" });
	refused(/disk "disk1": is an older copy/, disk(0, { generation: 6 }), disk(1, { session: "long ago" }));
	refused(/disk "disk1": has 75497472 bytes, and had at least 142606336/, disk(0), disk(1, {}, 1));
});

t.test("opening that was interrupted at any disk is none that refuses one", async (t) => {
	const first = [disk(0), disk(1)];
	const before = assess(first)!;
	const table = opened(before, "next");
	t.equal(table.generation, 6);
	const told = ({ name, sizeBytes }: Candidate, id: number, by = table): Candidate => ({
		name,
		sizeBytes,
		label: { ...by, uuid: `u${id}` },
	});
	const half = [told(first[0]!, 0), first[1]!];
	const again = opened(assess(half)!, "third");
	t.doesNotThrow(
		() => assess([half[0]!, told(half[1]!, 1, again)]),
		"the other one alone was told the next time",
	);
	t.doesNotThrow(() => assess([told(half[0]!, 0, again), told(half[1]!, 1, again)]));
	t.throws(
		() =>
			assess([
				told(half[0]!, 0, opened(assess([told(half[0]!, 0, again), told(half[1]!, 1, again)])!, "x")),
				first[1]!,
			]),
		/older copy/,
	);
});
