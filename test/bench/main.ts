/**
 * `npm run bench`: measures our server and Debian's vblade 25 against each other, prints tables and the machine's facts,
 * and writes all of it to a file. With --docs the tables and a chart go into `docs/` too. Needs root, for the network
 * namespaces in which it all happens. No test depends on what it finds.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { OperatorError } from "../../lib/errors.js";
import { oneLine, quote } from "../../lib/text.js";
import { namespacesMissing } from "../support/netns.js";
import { sourceFile } from "../support/paths.js";
import { chart } from "./chart.js";
import { type Plan, parseCommandLine, USAGE } from "./command-line.js";
import { daemonFigures } from "./daemon-figures.js";
import { type Figure, type RowsMeasured, tailLatency, throughput, workload } from "./figures.js";
import { FOOTPRINTS, idleFigure, memoryFigure } from "./footprint.js";
import { Images } from "./images.js";
import { iscsiFigures } from "./iscsi-figures.js";
import { lookAtMachine, warnings, watchStolen } from "./machine.js";
import { type Measured, measureRow, reasonOf } from "./measure.js";
import { nbdFigures } from "./nbd-figures.js";
import { objectFigures } from "./object-figures.js";
import { poolFigures } from "./pool-figures.js";
import { MARKS, type Report, replaceMarked, reportText } from "./report.js";
import type { Row } from "./rows.js";
import { installedFigure, measureStarts, type Starts, startFigure } from "./start.js";
import { turnFigure } from "./turn.js";
import { workersFigure } from "./workers.js";

const DOCUMENT = sourceFile("docs", "benchmarking.md");
const CHART = sourceFile("docs", "benchmark.svg");
const EXIT_OPERATOR = 2;

async function main(args: readonly string[]): Promise<void> {
	const wanted = parseCommandLine(args);
	switch (wanted.kind) {
		case "help":
			process.stdout.write(USAGE);
			return;
		case "list":
			for (const { key, title } of wanted.keys) process.stdout.write(`${key.padEnd(22)} ${title}\n`);
			return;
		case "show":
			show(readReport(wanted.file), wanted.docs);
			return;
		case "measure": {
			const missing = namespacesMissing();
			if (missing !== undefined) throw new OperatorError(missing);
			const report = await measureAll(wanted.plan);
			writeFileSync(wanted.file, `${JSON.stringify(report, null, "\t")}\n`);
			show(report, wanted.docs);
		}
	}
}

async function measureAll(plan: Plan): Promise<Report> {
	const machine = await lookAtMachine();
	for (const line of warnings(machine)) process.stderr.write(`bench: ${line}\n`);
	const stolen = watchStolen();
	const began = new Date();
	const images = new Images(plan.kind !== "aoe");
	const measured: [Row, Measured][] = [];
	for (const row of plan.rows) {
		const result = await measureRow(row, plan.settings, images, progress).catch((error: unknown) =>
			unmeasured(row, error),
		);
		measured.push([row, result]);
	}
	const figures = measured.flatMap(([row, result]) => throughput(row, result));
	if (measured.length > 0 && plan.kind === "aoe") figures.push(tailLatency(measured));
	figures.push(...(await measureFootprints(plan, images)));
	figures.push(...(await daemonFigures(plan, images, progress)));
	if (plan.kind === "pools") figures.push(...(await poolFigures(plan, images, progress)));
	if (plan.kind === "objects")
		figures.push(...(await objectFigures(plan.footprints, plan.settings, progress)));
	const others = await ofOtherProtocols(plan, images, progress);
	figures.push(...others.figures);
	progress("");
	return {
		kind: plan.kind,
		started: began.toISOString(),
		minutes: (Date.now() - began.getTime()) / 60_000,
		machine,
		settings: plan.settings,
		stolen: stolen(),
		warnings: warnings(machine),
		figures,
		workloads: [...measured.map(([row, result]) => workload(row, result)), ...others.workloads],
	};
}

async function ofOtherProtocols(plan: Plan, images: Images, told: typeof progress): Promise<RowsMeasured> {
	if (plan.kind === "nbd") return await nbdFigures(plan, images, told);
	if (plan.kind === "iscsi") return await iscsiFigures(plan, images, told);
	return { figures: [], workloads: [] };
}

async function measureFootprints(plan: Plan, images: Images): Promise<Figure[]> {
	const figures: Figure[] = [];
	const { targetCore } = plan.settings;
	let starts: Starts | undefined;
	for (const { key, title } of FOOTPRINTS) {
		if (!plan.footprints.has(key)) continue;
		progress(title);
		switch (key) {
			case "memory":
				figures.push(await memoryFigure(plan.memoryRounds, targetCore, images));
				break;
			case "start":
			case "start-memory":
				// The same starts are for both.
				starts ??= await measureStarts(plan.settings.rounds, plan.against, targetCore, images);
				figures.push(startFigure(key, starts));
				break;
			case "installed":
				figures.push(installedFigure());
				break;
			case "daemon workers":
				figures.push(await workersFigure(plan.settings, images));
				break;
			case "turn":
				figures.push(await turnFigure(plan.memoryRounds, plan.settings.seconds));
				break;
			default:
				figures.push(await idleFigure(key, plan.idleSeconds, targetCore, images));
		}
	}
	return figures;
}

/** A row that can't be measured here at all. */
function unmeasured(row: Row, error: unknown): Measured {
	const failed = reasonOf(error);
	return { ours: { name: "ours", failed }, references: row.references.map(({ name }) => ({ name, failed })) };
}

/** One line that is overwritten; for terminals only. */
function progress(text: string): void {
	if (process.stderr.isTTY) process.stderr.write(`\r\x1b[K${text}`);
}

/** Prints a report and, if wanted, puts it into the documentation. */
function show(report: Report, docs: boolean): void {
	const text = reportText(report);
	process.stdout.write(text);
	if (!docs) return;
	writeFileSync(DOCUMENT, replaceMarked(readFileSync(DOCUMENT, "utf8"), text, MARKS[report.kind]));
	if (report.kind !== "aoe") return;
	const { processor, cores, kernel } = report.machine;
	const caption = `${processor}, ${cores} cores, Linux ${kernel}, ${report.started.slice(0, 10)}`;
	writeFileSync(CHART, chart(report.figures, caption));
}

function readReport(file: string): Report {
	try {
		return JSON.parse(readFileSync(file, "utf8")) as Report;
	} catch (error) {
		const reason = error instanceof Error ? error.message : String(error);
		throw new OperatorError(`--from ${quote(file)}: not a report: ${reason}`);
	}
}

try {
	await main(process.argv.slice(2));
} catch (error) {
	if (!(error instanceof OperatorError)) throw error;
	process.stderr.write(`bench: ${oneLine(error.message)}\n`);
	process.exitCode = EXIT_OPERATOR;
}
