/**
 * The text of a file cut at the tables of its disks, without understanding it: each disk by itself, and the rest. Since a reader then sees
 * which of thousands are as they were, a reload that adds one reads one (`readings.ts`). Where such a cut might be wrong there is none:
 * whoever asked (`parts.ts`) reads the file as a whole then.
 */

/** One disk: its own table, and those in it that stand next to it. */
export interface DiskText {
	readonly name: string;
	/** Where it begins in the file: a line. */
	readonly start: number;
	readonly text: string;
}

export interface CutFile {
	readonly disks: readonly DiskText[];
	/** All but those, each table whole. */
	readonly rest: string;
}

/** As most are written. A name of digits alone would come before all others. */
const DISK_HEADER = /\[disk\.(?![0-9]+[\].])([A-Za-z0-9_][A-Za-z0-9_-]{0,63})(?:\.(?:aoe|limit))?\]/y;
/** Lines of a text may look like headers. */
const LONG_TEXT = /"""|'''/;

/** Undefined: it has to be read as a whole. */
export function cutAtDisks(text: string): CutFile | undefined {
	if (LONG_TEXT.test(text)) return undefined;
	const starts = headersIn(text);
	const rest = [text.slice(0, starts[0])];
	const disks = new Map<string, { readonly start: number; end: number }>();
	let before: string | undefined;
	for (const [at, start] of starts.entries()) {
		const end = starts[at + 1] ?? text.length;
		const name = diskAt(text, start);
		const known = name === undefined ? undefined : disks.get(name);
		if (name === undefined) rest.push(text.slice(start, end));
		else if (known === undefined) disks.set(name, { start, end });
		else if (name === before) known.end = end;
		else return undefined;
		before = name;
	}
	const texts = [...disks].map(([name, { start, end }]) => ({ name, start, text: text.slice(start, end) }));
	return { disks: texts, rest: rest.join("") };
}

/**
 * Lines that begin a table; or an element of a list that goes over several lines: such a cut can't be read. One that is indented is left
 * in what it stands in, which is found out when that is read.
 */
function headersIn(text: string): number[] {
	const starts = text.startsWith("[") ? [0] : [];
	for (let end = text.indexOf("\n["); end >= 0; end = text.indexOf("\n[", end + 1)) starts.push(end + 1);
	return starts;
}

/** The name of the disk whose table begins there. */
function diskAt(text: string, start: number): string | undefined {
	DISK_HEADER.lastIndex = start;
	return DISK_HEADER.exec(text)?.[1];
}
