/**
 * What a benchmark has found, as text: tables that read the same in a terminal and in `docs/benchmarking.md`, into which
 * they are put between two markers. Called by `main.ts`.
 */

import type { Kind } from "./command-line.js";
import { type Figure, isMet, type Spread, type Workload } from "./figures.js";
import type { Machine } from "./machine.js";
import type { Settings } from "./measure.js";

/** All of it; saved as JSON. */
export interface Report {
	readonly kind: Kind;
	/** When it began, in ISO 8601. */
	readonly started: string;
	readonly minutes: number;
	readonly machine: Machine;
	readonly settings: Settings;
	/** Share of the time that a hypervisor gave to other machines meanwhile, 0..1. */
	readonly stolen: number;
	readonly warnings: readonly string[];
	readonly figures: readonly Figure[];
	readonly workloads: readonly Workload[];
}

/** Between which marks of a document a report goes. */
export interface Marks {
	readonly begin: string;
	readonly end: string;
}

const marks = (command: string, name: string): Marks => ({
	begin: `<!-- what follows, up to the ${name}, is written by npm run bench -- ${command} -->`,
	end: `<!-- ${name} -->`,
});
/** Of each kind. */
export const MARKS: Readonly<Record<Kind, Marks>> = {
	aoe: marks("--docs", "end mark"),
	pools: marks("--pools --docs", "end mark of pools"),
	nbd: marks("--nbd --docs", "end mark of nbd"),
	iscsi: marks("--iscsi --docs", "end mark of iscsi"),
	objects: marks("--objects --docs", "end mark of objects"),
};

/** The whole report in Markdown. */
export function reportText(report: Report): string {
	const { figures, workloads } = report;
	const parts = [machineLines(report).join("\n"), figureTable(figures)];
	if (workloads.length > 0) parts.push(workloadTable(workloads));
	return `${parts.join("\n\n")}\n`;
}

function machineLines({ started, minutes, machine, settings, stolen, warnings }: Report): string[] {
	const { processor, cores, memoryGib, governor, kernel, node, ours, vblade, loadAverage, busy } = machine;
	return [
		`- ${processor}, ${cores} cores, ${memoryGib} GiB, frequency governor: ${governor}`,
		`- Linux ${kernel}, Node ${node}; ours at ${ours} against vblade ${vblade}`,
		`- ${started.slice(0, 16).replace("T", " ")} UTC, ${minutes.toFixed(1)} minutes; ` +
			`rounds: ${settings.rounds}, of ${settings.seconds} s; ` +
			`servers on core ${settings.targetCore}, load on core ${settings.loadCore}`,
		`- load average at the start ${loadAverage.toFixed(2)}, cores at work ${percent(busy)}, ` +
			`stolen by the hypervisor meanwhile ${percent(stolen)}`,
		...warnings.map((line) => `- **Careful:** ${line}.`),
	];
}

function figureTable(figures: readonly Figure[]): string {
	const header = ["figure", "against", "median", "spread", "to reach", "reached", "remarks"];
	return table(
		header,
		"llrrrll",
		figures.map((figure) => {
			const met = isMet(figure);
			return [
				figure.title,
				figure.against,
				figure.value === undefined ? "not measured" : shown(figure.value.median, figure.unit),
				figure.value === undefined ? "" : range(figure.value, figure.unit),
				`${figure.bound.kind} ${shown(figure.bound.value, figure.unit)}`,
				met === undefined ? (figure.isBeside ? "" : "?") : met ? "yes" : "NO",
				figure.note,
			];
		}),
	);
}

function workloadTable(workloads: readonly Workload[]): string {
	const header = [
		"workload",
		"server",
		"requests/s",
		"p50 µs",
		"p99 µs",
		"p99.9 µs",
		"CPU s per 100,000",
		"resident MiB",
		"sent again",
	];
	const rows = workloads.flatMap(({ title, servers }) =>
		servers.map(({ name, median, failed, lost }) => {
			if (median === undefined) return [title, name, failed, "", "", "", "", "", ""];
			const { requestsPerSecond, p50Us, p99Us, p999Us, cpuPer100k, residentKib } = median;
			return [
				title,
				name,
				grouped(requestsPerSecond),
				...[p50Us, p99Us, p999Us].map((us) => us.toFixed(us < 100 ? 1 : 0)),
				cpuPer100k.toFixed(3),
				(residentKib / 1024).toFixed(1),
				String(lost),
			];
		}),
	);
	return table(header, "llrrrrrrr", rows);
}

/** A Markdown table with its columns aligned. `align` has an `l` or `r` for each column. */
export function table(
	header: readonly string[],
	align: string,
	rows: readonly (readonly string[])[],
): string {
	const cells = rows.map((row) => row.map((cell) => cell.replaceAll("|", "\\|").replaceAll("\n", " ")));
	const widths = header.map((title, column) =>
		Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
	);
	const line = (row: readonly string[]): string => {
		const padded = widths.map((width, column) => {
			const cell = row[column] ?? "";
			return align[column] === "r" ? cell.padStart(width) : cell.padEnd(width);
		});
		return `| ${padded.join(" | ")} |`;
	};
	const rule = widths.map((width, column) =>
		align[column] === "r" ? `${"-".repeat(width - 1)}:` : "-".repeat(width),
	);
	return [line(header), `| ${rule.join(" | ")} |`, ...cells.map(line)].join("\n");
}

function shown(value: number, unit: Figure["unit"]): string {
	switch (unit) {
		case "times":
			return value.toFixed(2);
		case "KiB":
			return `${value.toFixed(1)} KiB`;
		case "MiB":
			return `${value.toFixed(0)} MiB`;
		case "%":
			return `${value.toFixed(3)} %`;
		case "ms":
			return `${value.toFixed(2)} ms`;
		case "s":
			return `${value.toFixed(2)} s`;
	}
}

function range({ min, max }: Spread, unit: Figure["unit"]): string {
	return `${shown(min, unit)}..${shown(max, unit)}`;
}

function grouped(value: number): string {
	return Math.round(value).toLocaleString("en-US");
}

function percent(share: number): string {
	return `${(share * 100).toFixed(1)} %`;
}

/** `document` with what is between the marks replaced by `text`. Throws if they are not there. */
export function replaceMarked(document: string, text: string, { begin, end }: Marks): string {
	const from = document.indexOf(begin);
	const to = document.indexOf(end);
	if (from === -1 || to < from) throw new Error("the marks for the benchmark's tables are missing");
	return `${document.slice(0, from + begin.length)}\n\n${text.trim()}\n\n${document.slice(to)}`;
}
