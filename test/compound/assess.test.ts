// Which member counts: the whole table for two members, and every order of losses and returns of three, walked through.

import t from "tap";
import { assess, type View } from "../../lib/compound/mirror/assess.js";
import { NO_ID, type Superblock } from "../../lib/compound/mirror/format.js";
import { Walk } from "./walk.js";

const NAMES = ["a", "b", "c"];

/** An id of a generation, by a letter. */
function id(letter: string): string {
	return letter.repeat(16);
}

function superblock(index: number, own: string, entries: readonly string[]): View {
	const found: Superblock = {
		sequence: 2,
		mirror: "1".repeat(32),
		index,
		dataBytes: 65_536,
		regionBytes: 65_536,
		generation: 1,
		id: id(own),
		// "+ef": in sync, confirmed e, may have f.
		entries: entries.map((text, i) => ({
			uuid: String(i).repeat(32),
			inSync: text[0] === "+",
			confirmed: id(text[1]!),
			attempted: id(text[2]!),
			lacksSinceMs: 0,
		})),
	};
	return { kind: "superblock", superblock: found };
}

/** What member a may be found as; b is found as the same with both exchanged, but for the ids. */
function views(index: number): Record<string, View> {
	const entries = (mine: string, other: string): string[] => (index === 0 ? [mine, other] : [other, mine]);
	const alone = index === 0 ? "6" : "7";
	const later = index === 0 ? "8" : "9";
	return {
		absent: { kind: "absent" },
		empty: { kind: "blank", isEmpty: true },
		full: { kind: "blank", isEmpty: false },
		damaged: { kind: "damaged" },
		foreign: { kind: "foreign", format: 2 },
		misplaced: { kind: "misplaced", reason: "is elsewhere" },
		// Both in sync in generation 5.
		both: superblock(index, "5", entries("+45", "+45")),
		// Went on alone after it.
		alone: superblock(index, alone, entries(`+5${alone}`, `-5${alone}`)),
		// Was about to go on with the other one from 5 on, and may have been the only one to know.
		ahead: superblock(index, later, entries(`+5${later}`, `+5${later}`)),
		// Is being copied to by the other one, which had gone on alone.
		target: superblock(
			index,
			index === 0 ? "7" : "6",
			entries(`-5${index === 0 ? "7" : "6"}`, `+5${index === 0 ? "7" : "6"}`),
		),
	};
}

/** The line of the answer: what becomes of both, or why not. */
function answer(a: View, b: View, options: { from?: number; degraded?: boolean } = {}): string {
	const found = assess([a, b], NAMES, options);
	switch (found.kind) {
		case "create":
			return `create ${found.source}`;
		case "refuse":
			return found.why;
		case "open":
			return found.standings.map(({ kind }) => kind).join(" ");
	}
}

/** Rows: what a is; columns: what b is. */
const KINDS = [
	"absent",
	"empty",
	"full",
	"damaged",
	"foreign",
	"misplaced",
	"both",
	"alone",
	"ahead",
	"target",
];
const TABLE = `
missing missing new unknown unknown other missing absent+inSync missing none
missing create new unknown unknown other missing whole+inSync missing none
new new new new unknown other missing refused+inSync missing none
unknown unknown new unknown unknown other missing refused+inSync missing none
unknown unknown unknown unknown unknown unknown unknown unknown unknown unknown
other other other other unknown other other other other other
missing missing missing missing unknown other inSync+inSync behind+inSync inSync+inSync inSync+whole
inSync+absent inSync+whole inSync+refused inSync+refused unknown other inSync+behind divergent divergent inSync+behind
missing missing missing missing unknown other inSync+inSync divergent divergent inSync+whole
none none none none unknown other whole+inSync behind+inSync whole+inSync none
`;

t.setTimeout(120_000);

t.test("two members, each as anything", async (t) => {
	const rows = TABLE.trim().split("\n");
	for (const [i, one] of KINDS.entries())
		for (const [j, other] of KINDS.entries()) {
			const wanted = rows[i]!.split(" ")[j]!.replace("+", " ").replace("create", "create 0");
			t.equal(answer(views(0)[one]!, views(1)[other]!), wanted, `${one}, ${other}`);
		}
});

t.test(
	"with `degraded` a member that may be newer is gone without, and nothing else is different",
	async (t) => {
		for (const one of KINDS)
			for (const other of KINDS) {
				const plain = answer(views(0)[one]!, views(1)[other]!);
				const degraded = answer(views(0)[one]!, views(1)[other]!, { degraded: true });
				const hasSuperblock = [views(0)[one]!, views(1)[other]!].some(({ kind }) => kind === "superblock");
				if (plain !== "missing" || !hasSuperblock) t.equal(degraded, plain, `${one}, ${other}`);
				else
					t.match(
						degraded,
						/^inSync (?:absent|whole|refused)$|^(?:absent|whole|refused) inSync$/,
						`${one}, ${other}`,
					);
			}
	},
);

t.test("with `from` that one counts, whatever the others say", async (t) => {
	for (const other of KINDS) {
		const b = views(1)[other]!;
		for (const one of ["both", "alone", "ahead", "target"])
			t.match(
				answer(views(0)[one]!, b, { from: 0 }),
				/^inSync (?:inSync|behind|whole|absent|refused)$/,
				`${one}, ${other}`,
			);
		for (const one of ["absent", "damaged", "foreign", "misplaced"])
			t.equal(answer(views(0)[one]!, b, { from: 0 }), "unknown", `${one}, ${other}`);
	}
	const { both, alone, target, full, empty } = views(0);
	t.equal(answer(alone!, views(1).alone!, { from: 0 }), "inSync whole");
	t.equal(answer(both!, views(1).both!, { from: 0 }), "inSync inSync");
	t.equal(answer(both!, views(1).alone!, { from: 0 }), "inSync whole");
	t.equal(
		answer(target!, views(1).alone!, { from: 0 }),
		"inSync whole",
		"what was being copied to knows nothing",
	);
	t.equal(answer(full!, views(1).empty!, { from: 0 }), "create 0");
	t.equal(answer(empty!, views(1).full!, { from: 1 }), "create 1");
	t.equal(answer(full!, views(1).both!, { from: 0 }), "new");
});

t.test("whoever was replaced does not count any more", async (t) => {
	const old = views(1).both!;
	const a = superblock(0, "6", ["+56", "+56"]);
	if (a.kind !== "superblock") throw new Error("no superblock");
	const [own, other] = a.superblock.entries;
	const replaced: View = {
		kind: "superblock",
		superblock: {
			...a.superblock,
			entries: [own!, { ...other!, uuid: "9".repeat(32), inSync: false, confirmed: NO_ID }],
		},
	};
	t.equal(answer(replaced, old), "inSync refused");
});

for (const members of [2, 3])
	t.test(
		`${members} members: after every order of losses and returns the newest leads, or nobody does`,
		async (t) => {
			const walk = new Walk(members, members === 2 ? 8 : 4);
			walk.run();
			t.strictSame(walk.problems.slice(0, 3), []);
			t.comment(JSON.stringify(walk.counts));
			for (const [name, count] of Object.entries(walk.counts)) t.ok(count > 0, `${name}: ${count}`);
		},
	);
