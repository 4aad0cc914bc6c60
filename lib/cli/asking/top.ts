/**
 * `vblade top`: what disks do, live. On a terminal a screen that is drawn again and again (`screen.ts`, `top-view.ts`), which asks for no
 * more disks than it shows; elsewhere, and with `-b`, one list after the other. Called by `commands.ts`.
 */

import { Disk, type DiskSummary, Status } from "../../control/model.js";
import { readNumber } from "../../spec/values.js";
import { type Output, processOutput } from "../client.js";
import { asking, type Question, readWord, rest, untilAnswered, whileRead } from "./asking.js";
import { AskError } from "./client.js";
import { linesText } from "./columns.js";
import { allDisks, pathOf, SORTS, type Sort, someDisks } from "./disks.js";
import { TOP } from "./options.js";
import { type Key, Screen } from "./screen.js";
import { diskTable, TopView } from "./top-view.js";

const DELAY = { min: 0.1, max: 3600, fraction: true } as const;
const COUNT = { min: 1, max: 1_000_000_000 } as const;

interface Pace {
	readonly delayMs: number;
	readonly count: number;
	readonly sort: Sort;
}

/** Resolves to the exit status, when whoever looks has seen enough. */
export async function topCommand(
	argv: readonly string[],
	output: Output = processOutput,
	signal: AbortSignal = whileRead(),
): Promise<number> {
	return asking(TOP, argv, output, async (question) => {
		const { line, json } = question;
		const count = line.last("count");
		const pace = {
			delayMs: readNumber("delay", line.last("delay") ?? "", DELAY) * 1000,
			count: count === undefined ? Infinity : readNumber("count", count, COUNT),
			sort: readWord("sort", line.last("sort"), SORTS) ?? "reads",
		};
		if (line.has("batch") || json || output !== processOutput || !Screen.isPossible())
			return batch(question, pace, signal);
		return live(question, pace, signal);
	});
}

type Asking = Pick<Question, "daemon" | "output" | "json">;

async function batch({ daemon, output, json }: Asking, pace: Pace, signal: AbortSignal): Promise<number> {
	const ask = async (): Promise<{ status: Status; disks: readonly DiskSummary[] }> => {
		const status = await daemon.get("/api/v1/status", Status);
		return { status, disks: (await allDisks(daemon, { sort: pace.sort })).disks };
	};
	for (let done = 0; done < pace.count; done++) {
		if (done > 0 && !(await rest(pace.delayMs, signal))) break;
		const seen = done === 0 ? await ask() : await untilAnswered(ask, output, signal);
		if (seen === undefined || signal.aborted) break;
		const { status, disks } = seen;
		const at = new Date().toISOString();
		if (json) output.out(`${JSON.stringify({ at, status, disks })}\n`);
		else output.out(`${at}\n${linesText(diskTable(disks))}\n`);
	}
	return 0;
}

async function live({ daemon }: Asking, pace: Pace, signal: AbortSignal): Promise<number> {
	const screen = new Screen();
	const view = new TopView(pace.sort);
	let wake = (): void => {};
	let isOver = false;
	screen.open({
		key: (key: Key) => {
			isOver ||= view.press(key);
			wake();
		},
		resized: () => wake(),
		closed: () => {
			isOver = true;
			wake();
		},
	});
	signal.addEventListener("abort", () => wake(), { once: true });
	try {
		for (let done = 0; done < pace.count && !isOver && !signal.aborted; done++) {
			await look(daemon, view, screen);
			const endMs = performance.now() + pace.delayMs;
			// Keys and a new size are seen at once; what they want to see is asked for.
			while (!isOver && !signal.aborted && performance.now() < endMs && done < pace.count - 1) {
				const isWoken = await wokenOrLate(endMs - performance.now(), (set) => {
					wake = set;
				});
				if (isWoken && !isOver) await look(daemon, view, screen);
			}
		}
	} finally {
		screen.close();
	}
	return 0;
}

/** Resolves to whether `wake`, which is handed over, was called before the time was over. */
function wokenOrLate(ms: number, hand: (wake: () => void) => void): Promise<boolean> {
	return new Promise((resolve) => {
		const timer = setTimeout(() => resolve(false), Math.max(0, ms));
		hand(() => {
			clearTimeout(timer);
			resolve(true);
		});
	});
}

/** Asks for what the view shows, and draws it. A daemon that does not answer at present is asked again. */
async function look(daemon: Asking["daemon"], view: TopView, screen: Screen): Promise<void> {
	try {
		const status = await daemon.get("/api/v1/status", Status);
		const { shown } = view;
		if (shown !== undefined) view.update(status, undefined, await daemon.get(pathOf(shown), Disk));
		else {
			const { search, sort, offset } = view;
			const rows = view.rows(screen.height);
			const list = await someDisks(daemon, { search: search || undefined, sort }, offset, rows);
			view.update(status, list, undefined);
		}
	} catch (error) {
		if (!(error instanceof AskError)) throw error;
		view.fail(error.lines[0] ?? "");
	}
	screen.draw(view.lines(screen.width, screen.height));
}
