/**
 * Findings as people and programs read them. Pure.
 */

import { counted, oneLine } from "../text.js";
import { LEVELS, type Level } from "./check.js";
import type { Result } from "./examine.js";

/** Where what belongs to a finding begins. */
const INDENT = " ".repeat(7);

/** A finding in one to three lines. */
export function resultText({ level, what, because, mend }: Result): string {
	const lines = [`${level.padEnd(INDENT.length)}${oneLine(what)}`];
	if (because !== undefined) lines.push(`${INDENT}because: ${oneLine(because)}`);
	if (mend !== undefined) lines.push(`${INDENT}mend: ${oneLine(mend)}`);
	return `${lines.join("\n")}\n`;
}

/** `1 fault, 2 warnings, 3 notes, 12 in order` */
export function summary(results: readonly Result[]): string {
	const count = (level: Level): number => results.filter((result) => result.level === level).length;
	const words = { fault: "fault", warn: "warning", note: "note" };
	return LEVELS.map((level) =>
		level === "ok" ? `${count(level)} in order` : counted(count(level), words[level]),
	).join(", ");
}

export interface Report {
	readonly version: string;
	readonly time: string;
	readonly host: string;
	readonly findings: readonly Result[];
}
