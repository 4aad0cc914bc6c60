/**
 * The machine's clock: certificates, moments of volumes and the order of events in the logs of several machines go by it. Is it kept in
 * step with others, and does it jump?
 */

import { native } from "../native.js";
import { type Check, type Finding, ok, warn } from "./check.js";

const WATCH_MS = 500;
/** More than a clock that is steered gently is set by in that time. */
const JUMP_MS = 50;

export const clock: Check = {
	name: "clock",
	limitMs: 5000,
	async run() {
		const before = offsetMs();
		await new Promise((resolve) => setTimeout(resolve, WATCH_MS));
		const jump = offsetMs() - before;
		const found: Finding[] = [];
		const { synchronised, errorUs } = native.clockState();
		if (!synchronised)
			found.push(
				warn(
					"the clock is not kept in step with others",
					"the kernel says that nobody sets it (adjtimex)",
					"run chrony or systemd-timesyncd",
				),
			);
		if (Math.abs(jump) > JUMP_MS)
			found.push(
				warn(
					`the clock jumped by ${Math.round(jump)} ms while it was watched`,
					"somebody sets it instead of steering it",
				),
			);
		return found.length > 0
			? found
			: [
					ok(
						"the clock is kept in step with others",
						`by the kernel's word it is at most ${Math.round(errorUs / 1000)} ms off`,
					),
				];
	},
};

/** By how much the machine's clock is ahead of one that nobody sets. */
function offsetMs(): number {
	return Date.now() - performance.now();
}
