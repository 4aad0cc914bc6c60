/**
 * The text of a file cut at the tables of its disks, without understanding it: each disk by itself, and the rest. Since a reader then sees
 * which of thousands are as they were, a reload that adds one reads one (`readings.ts`). Where such a cut might be wrong there is none:
 * whoever asked (`parts.ts`) reads the file as a whole then.
 */

/** A part of a file, from the beginning of a line on: one disk, with the tables in it that stand next to its own, or what is none. */
class Piece {
	constructor(
		/** Of the disk; undefined: it is none. */
		readonly name: string | undefined,
		readonly start: number,
		public end: number,
		/** The file, as it was when it was last seen to stand in it like this. */
		public whole: string,
	) {}

	get text(): string {
		return this.whole.slice(this.start, this.end);
	}
}

export type DiskText = Piece & { readonly name: string };

export interface CutFile {
	readonly text: string;
	/** In the order of the file, without a gap. */
	readonly pieces: readonly Piece[];
	readonly disks: readonly DiskText[];
	/** All but those, each table whole. */
	readonly rest: string;
}

/** As most are written. A name of digits alone would come before all others. */
const DISK_HEADER = /\[disk\.(?![0-9]+[\].])([A-Za-z0-9_][A-Za-z0-9_-]{0,63})(?:\.(?:aoe|limit))?\]/y;
/** Lines of a text may look like headers. */
const LONG_TEXT = /"""|'''/;

/**
 * Undefined: it has to be read as a whole.
 * @param before the same file, as it was cut the last time: disks in front of what has changed are the same objects
 */
export function cutAtDisks(text: string, before?: CutFile): CutFile | undefined {
	if (text === before?.text) return before;
	const pieces = before === undefined ? [] : asBefore(text, before);
	const from = pieces.at(-1)?.end ?? 0;
	if (LONG_TEXT.test(text.slice(from))) return undefined;
	const names = new Set<string | undefined>();
	for (const piece of pieces) {
		// The text of before is let go.
		piece.whole = text;
		names.add(piece.name);
	}
	const starts = headersIn(text, from);
	if (from === 0) pieces.push(new Piece(undefined, 0, starts[0] ?? text.length, text));
	for (const [at, start] of starts.entries()) {
		const end = starts[at + 1] ?? text.length;
		const name = diskAt(text, start);
		const last = pieces.at(-1);
		if (name !== undefined && name === last?.name) last.end = end;
		else if (name !== undefined && names.has(name)) return undefined;
		else pieces.push(new Piece(name, start, end, text));
		names.add(name);
	}
	const disks = pieces.filter((piece): piece is DiskText => piece.name !== undefined);
	const rest = pieces.flatMap((piece) => (piece.name === undefined ? [piece.text] : []));
	return { text, pieces, disks, rest: rest.join("") };
}

/** What a text begins with, piece by piece, as it did before; but for the last such piece, which more may belong to now. */
function asBefore(text: string, before: CutFile): Piece[] {
	const isSame = (count: number): boolean => {
		const end = before.pieces[count - 1]?.end ?? 0;
		return text.slice(0, end) === before.text.slice(0, end);
	};
	let [same, other] = [0, before.pieces.length + 1];
	while (other - same > 1) {
		const middle = (same + other) >> 1;
		if (isSame(middle)) same = middle;
		else other = middle;
	}
	return before.pieces.slice(0, Math.max(0, same - 1));
}

/**
 * Lines that begin a table; or an element of a list that goes over several lines: such a cut can't be read. One that is indented is left
 * in what it stands in, which is found out when that is read.
 */
function headersIn(text: string, from: number): number[] {
	const starts = text.startsWith("[", from) ? [from] : [];
	for (let end = text.indexOf("\n[", from); end >= 0; end = text.indexOf("\n[", end + 1))
		starts.push(end + 1);
	return starts;
}

/** The name of the disk whose table begins there. */
function diskAt(text: string, start: number): string | undefined {
	DISK_HEADER.lastIndex = start;
	return DISK_HEADER.exec(text)?.[1];
}
