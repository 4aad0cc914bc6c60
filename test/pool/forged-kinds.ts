/** What `forged.test.ts` has a pool say: of each kind something by chance. */

import type { Random } from "../../lib/random.js";
import { type Forge, forgedBytes, forgedJson, forgedList, type Part } from "./forge.js";

type Kind = (random: Random, forge: Forge) => Promise<void>;

function bytesOf(part: Exclude<Part, "text">): Kind {
	return async (random, forge) => {
		const pieces = forge.pieces[part];
		if (pieces.length === 0) return;
		await forge.say(
			part,
			forgedList(random, pieces, (bytes) => forgedBytes(random, bytes)),
		);
	};
}

export const FORGED = {
	"the head": (random, forge) =>
		forge.sayHead(JSON.parse(forgedJson(random, JSON.stringify(forge.head))) as Forge["head"]),
	"the list of pieces": (random, forge) => forge.sayList(forgedJson(random, JSON.stringify(forge.list))),
	"no list at all": (random, forge) => forge.sayList(random.pick(["", "{", "null", "7", '"x"', "[[]]"])),
	"the text": (random, forge) => {
		const lines = forgedList(random, forge.lines, (line) => forgedJson(random, line));
		return forge.say("text", [Buffer.from(lines.map((line) => `${line}\n`).join(""))]);
	},
	"the row that is being filled": bytesOf("table"),
	"who wants dead pages": bytesOf("pages"),
	"who wants dead nodes": bytesOf("nodes"),
	"segments of nodes": bytesOf("segments"),
	"the table of segments": bytesOf("groups"),
	"a record of the log": sayRecord,
} as const satisfies Record<string, Kind>;

export type ForgedKind = keyof typeof FORGED;

/** Notes that make sense, or almost, and pages of volumes that there are, or not. */
function sayRecord(random: Random, forge: Forge): Promise<void> {
	const notes = Array.from({ length: random.below(3) }, () => {
		const good = JSON.stringify(random.pick(notesOf(random, forge) as [object]));
		return random.chance(0.5) ? forgedJson(random, good) : good;
	});
	const lines = [1, 0, 7777, 2 ** 32 - 1] as const;
	const pages = [0, 5, 2 ** 31, 2 ** 40, 2 ** 48 - 1] as const;
	return forge.sayRecord((record) => {
		for (const note of notes) {
			const text = Buffer.from(note);
			const bytes = new Uint8Array(4 + text.length);
			new DataView(bytes.buffer).setUint32(0, text.length, true);
			bytes.set(text, 4);
			record.addNote(bytes);
		}
		record.hole(random.pick(lines), random.pick(pages), random.pick([1, 2, 2 ** 40]));
		record.page(random.pick(lines), random.pick(pages), random.pick([8, 1, 512]));
	});
}

/** One of each kind, of what there is. */
function notesOf(random: Random, { lines }: Forge): object[] {
	const said = lines.map((line) => JSON.parse(line) as Record<string, Record<string, unknown>>);
	const of = (what: string) => random.pick(said.filter((line) => what in line) as [(typeof said)[0]])[what]!;
	// (Some lives leave none.)
	const none = { line: 1, position: 0, name: "none" };
	const next = Number(said.find((line) => "nextLine" in line)!.nextLine);
	const [volume, other] = [of("volume"), of("volume")];
	const snapshot = said.some((each) => "snapshot" in each) ? of("snapshot") : none;
	const { line, position, name } = snapshot;
	const identity = { serial: "x", wwn: "0011223344556677" };
	const made = { note: "create", line: next, name: "new", sizeBytes: 65_536, pageBytes: 4096, ...identity };
	const move = Buffer.from(forgedBytes(random, new Uint8Array(18 + 256))).toString("base64");
	return [
		made,
		{ ...made, origin: { line, position } },
		{ note: "resize", line: volume.line, sizeBytes: 4096 },
		{ note: "rename", line: volume.line, name: "else" },
		{ note: "rename", line: volume.line, name: other.name },
		{ note: "delete", line: volume.line },
		{ note: "snapshot", line: volume.line, name: "now" },
		{ note: "forget", line, name },
		{ note: "hold", line, name },
		{ note: "replace", line: volume.line, newLine: other.line },
		{ note: "rollback", line, name, kept: "kept", newLine: next, ...identity },
		{ note: "rollback", line, name, kept: "kept", newLine: line, ...identity },
		{ note: "move", move },
	];
}
