/**
 * Control that hangs is ended, so that another takes its place: it is asked now and then whether it is alive, and has to answer one of
 * a few questions in a row. (Workers that hang are the service manager's to judge, `manager.ts`: with them goes what is under way.)
 * Used by `opener.ts`.
 */

import { type Clock, systemClock } from "../clock.js";
import type { Child } from "./children.js";

const ASK_MS = 10_000;
/** A machine that was asleep wakes with one question that is too old. */
const PATIENCE = 3;

/** Returns what stops it. */
export function watchForHang(
	child: Pick<Child, "isAlive" | "kill" | "pid">,
	clock: Clock = systemClock,
	limitMs = ASK_MS,
): () => void {
	let silences = 0;
	let asked: number | undefined;
	let stop = (): void => {};
	const look = async (): Promise<void> => {
		const { pid } = child;
		const isAlive = pid === undefined || (await child.isAlive(limitMs));
		silences = isAlive || pid !== asked ? 0 : silences + 1;
		asked = pid;
		if (silences >= PATIENCE) {
			silences = 0;
			child.kill(`it has not answered for ${(PATIENCE * 2 * ASK_MS) / 1000} s`);
		}
	};
	let isStopped = false;
	const again = (): void => {
		if (!isStopped) stop = clock.after(ASK_MS, () => void look().then(again));
	};
	again();
	return () => {
		isStopped = true;
		stop();
	};
}
