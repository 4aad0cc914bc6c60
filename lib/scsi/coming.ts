/**
 * A command that waits until what its unit stores has come to this host: nothing of it has begun, and nothing was decided by what was known before. Made by
 * `elsewhere.ts`; left alone by what ends all others when it has come (`unit.ts`). What has begun is told instead to ask again (`outcome.ts`).
 */

import type { Partner } from "../block/device.js";
import { ScsiStatus } from "./protocol.js";
import { COMES_HERE, ELSEWHERE, type Sense } from "./sense.js";
import type { ScsiTask, TaskWork } from "./task.js";

/** What whoever needs it here is told. */
export function broughtHere({ bring }: Partner): Sense {
	return (bring?.() ?? null) === null ? ELSEWHERE : COMES_HERE;
}

export class Coming implements TaskWork {
	readonly awaitedBytes = 0;
	#isOver = false;

	/** Has `then` called with what `coming` comes to, in some seconds at most, unless the task is aborted before. */
	static waitFor(task: ScsiTask, coming: Promise<boolean>, then: (isHere: boolean) => void): void {
		const work = new Coming();
		task.work = work;
		void coming.then((isHere) => {
			// (It may be another command by now, which is called the same.)
			if (!work.#isOver) then(isHere);
		});
	}

	dataOut(): boolean {
		return true;
	}

	advance(): void {}

	abort(task: ScsiTask): void {
		this.#isOver = true;
		task.end(ScsiStatus.taskAborted);
	}
}
