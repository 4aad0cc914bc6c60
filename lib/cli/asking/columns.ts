/**
 * Text in columns, and figures as people read them, for the commands that ask a daemon. What may hold any characters (paths, messages)
 * is the last column, which is not padded: so it needs no idea of how wide they are.
 */

import { oneLine, sizeText } from "../../text.js";

export interface Column<Row> {
	readonly title: string;
	/** To the right, as figures are. */
	readonly isNumber?: boolean;
	readonly text: (row: Row) => string;
}

const GAP = "  ";

/** A line with the titles, and one for each row. */
export function tableLines<Row>(columns: readonly Column<Row>[], rows: readonly Row[]): string[] {
	const cells = [
		columns.map(({ title }) => title),
		...rows.map((row) => columns.map(({ text }) => oneLine(text(row)))),
	];
	const widths = columns.map((_, at) => cells.reduce((widest, row) => Math.max(widest, row[at]!.length), 0));
	return cells.map((row) =>
		row
			.map((cell, at) => {
				const width = widths[at]!;
				if (columns[at]!.isNumber) return cell.padStart(width);
				return at === row.length - 1 ? cell : cell.padEnd(width);
			})
			.join(GAP)
			.trimEnd(),
	);
}

/** `name   value`, a line each. */
export function pairLines(pairs: readonly (readonly [name: string, value: string])[]): string[] {
	const width = pairs.reduce((widest, [name]) => Math.max(widest, name.length), 0);
	return pairs.map(([name, value]) => `${name.padEnd(width)}${GAP}${oneLine(value)}`.trimEnd());
}

export function linesText(lines: readonly string[]): string {
	return lines.map((line) => `${line}\n`).join("");
}

/** What is not known, or not there. */
export const NONE = "-";

export function orNone(text: string | null): string {
	return text ?? NONE;
}

export function sizeOrNone(bytes: number | null): string {
	return bytes === null ? NONE : sizeText(bytes);
}

/** `0`, `0.3`, `12`, `4096`: per second. */
export function rateText(perSecond: number): string {
	return String(Number(perSecond.toFixed(perSecond < 10 ? 1 : 0)));
}

/** `850us`, `1.2ms`, `34ms`, `1.5s`: three digits at most. */
export function latencyText(seconds: number | null): string {
	if (seconds === null) return NONE;
	const us = seconds * 1e6;
	if (us < 999.5) return `${digits(us)}us`;
	if (us < 999_500) return `${digits(us / 1000)}ms`;
	return `${digits(seconds)}s`;
}

function digits(value: number): string {
	return String(Number(value.toFixed(value < 10 ? 1 : 0)));
}
