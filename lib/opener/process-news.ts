/**
 * What becomes of the daemon's processes, for control to tell as events: which one has ended and why, and that it is there again. Control
 * may be the one that ended, so the latest are kept for the next. Filled by `opener.ts`.
 */

import type { Child } from "./children.js";
import type { ProcessNews } from "./messages.js";

const KEPT = 64;

export class ProcessHistory {
	readonly #tell: (news: ProcessNews) => void;
	#latest: readonly ProcessNews[] = [];

	/** `tell` says it to control, if that is there. */
	constructor(tell: (news: ProcessNews) => void) {
		this.#tell = tell;
	}

	get latest(): readonly ProcessNews[] {
		return this.#latest;
	}

	ended({ name }: Pick<Child, "name">, why: string): void {
		this.#add(true, `${name} ended (${why}); it is started again`);
	}

	/** The first start is no news. */
	started({ name, pid, restarts }: Pick<Child, "name" | "pid" | "restarts">): void {
		if (restarts > 0 && pid !== undefined) this.#add(false, `${name} is there again, as process ${pid}`);
	}

	#add(isEnd: boolean, message: string): void {
		const news = { at: new Date().toISOString(), isEnd, message };
		this.#latest = [...this.#latest, news].slice(-KEPT);
		this.#tell(news);
	}
}
