/**
 * `vblade iostat [SECONDS]`: what disks do, in plain columns as iostat(1) has them. The first report is of all the time since the
 * worker was started, those that follow of the last seconds. Called by `commands.ts`.
 */

import { Disk, type Rates, Status } from "../../control/model.js";
import { readNumber } from "../../spec/values.js";
import { type Output, processOutput } from "../client.js";
import { asking, rest, untilAnswered, whileRead } from "./asking.js";
import { AskError, type DaemonClient } from "./client.js";
import { type Column, latencyText, linesText, rateText, tableLines } from "./columns.js";
import { allDisks, pathOf } from "./disks.js";
import { IOSTAT } from "./options.js";

const SECONDS = { min: 0.1, max: 86_400, fraction: true } as const;
const COUNT = { min: 1, max: 1_000_000_000 } as const;
/** Disks whose details are asked for at a time. */
const AT_A_TIME = 8;
const NOT_FOUND = 404;

/** A line of a report. */
interface Report extends Rates {
	readonly name: string;
	readonly underWay: number;
}

const COLUMNS: readonly Column<Report>[] = [
	{ title: "disk", text: ({ name }) => name },
	{ title: "r/s", isNumber: true, text: ({ reads }) => rateText(reads) },
	{ title: "rkB/s", isNumber: true, text: ({ readBytes }) => rateText(readBytes / 1024) },
	{ title: "r_p50", isNumber: true, text: ({ readP50 }) => latencyText(readP50) },
	{ title: "r_p99", isNumber: true, text: ({ readP99 }) => latencyText(readP99) },
	{ title: "w/s", isNumber: true, text: ({ writes }) => rateText(writes) },
	{ title: "wkB/s", isNumber: true, text: ({ writtenBytes }) => rateText(writtenBytes / 1024) },
	{ title: "w_p50", isNumber: true, text: ({ writeP50 }) => latencyText(writeP50) },
	{ title: "w_p99", isNumber: true, text: ({ writeP99 }) => latencyText(writeP99) },
	{ title: "inflight", isNumber: true, text: ({ underWay }) => String(underWay) },
	{ title: "err/s", isNumber: true, text: ({ errors }) => rateText(errors) },
];

/** Resolves to the exit status: after one report, after `--count` of them, or when `signal` says so. */
export async function iostatCommand(
	argv: readonly string[],
	output: Output = processOutput,
	signal: AbortSignal = whileRead(),
): Promise<number> {
	return asking(IOSTAT, argv, output, async ({ line, daemon, json }) => {
		const [text] = line.positionals;
		const seconds = text === undefined ? undefined : readNumber("seconds", text, SECONDS);
		const given = line.last("count");
		const count =
			given === undefined ? (seconds === undefined ? 1 : Infinity) : readNumber("count", given, COUNT);
		const name = line.last("disk");
		if (name !== undefined) pathOf(name);
		for (let done = 0; done < count; done++) {
			if (done > 0 && !(await rest((seconds ?? 1) * 1000, signal))) break;
			const reports =
				done === 0
					? await sinceStart(daemon, name)
					: await untilAnswered(() => lately(daemon, name), output, signal);
			if (reports === undefined || signal.aborted) break;
			const at = new Date().toISOString();
			if (json) output.out(`${JSON.stringify({ at, sinceStart: done === 0, disks: reports })}\n`);
			else output.out(`${at}\n${linesText(tableLines(COLUMNS, reports))}\n`);
		}
		return 0;
	});
}

async function lately(daemon: DaemonClient, name: string | undefined): Promise<Report[]> {
	if (name !== undefined) {
		const { underWay, rates } = await daemon.get(pathOf(name), Disk);
		return [{ name, underWay, ...rates }];
	}
	const { disks } = await allDisks(daemon);
	return disks.map(({ name, underWay, rates }) => ({ name, underWay, ...rates }));
}

async function sinceStart(daemon: DaemonClient, only: string | undefined): Promise<Report[]> {
	const { processes, since } = await daemon.get("/api/v1/status", Status);
	const seconds = (worker: number | null): number => {
		const process = processes.find(({ kind, index }) => kind === "worker" && index === (worker ?? 0));
		return Math.max(1, (Date.now() - Date.parse(process?.since ?? since)) / 1000);
	};
	const names = only === undefined ? (await allDisks(daemon)).disks.map(({ name }) => name) : [only];
	const reports: Report[] = [];
	for (let at = 0; at < names.length; at += AT_A_TIME) {
		const disks = await Promise.all(
			names
				.slice(at, at + AT_A_TIME)
				.map((name) => found(daemon.get(pathOf(name), Disk), only === undefined)),
		);
		for (const disk of disks) if (disk !== undefined) reports.push(reportOf(disk, seconds(disk.worker)));
	}
	return reports;
}

/** One that was in the list may be gone. */
function found(asked: Promise<Disk>, mayBeGone: boolean): Promise<Disk | undefined> {
	return asked.catch((error: unknown) => {
		if (mayBeGone && error instanceof AskError && error.status === NOT_FOUND) return undefined;
		throw error;
	});
}

function reportOf({ name, underWay, counters, latency: { read, write } }: Disk, seconds: number): Report {
	return {
		name,
		underWay,
		reads: counters.reads / seconds,
		readBytes: counters.readBytes / seconds,
		readP50: read?.p50 ?? null,
		readP99: read?.p99 ?? null,
		writes: counters.writes / seconds,
		writtenBytes: counters.writtenBytes / seconds,
		writeP50: write?.p50 ?? null,
		writeP99: write?.p99 ?? null,
		errors: counters.errors / seconds,
	};
}
