/**
 * How far something is, as a bar on a terminal: on standard error, so that what a command hands on stays clean. Elsewhere nothing is
 * said. Used by commands that copy; loads what draws only if there is somebody to see it.
 */

import { sizeText } from "../text.js";

export interface Progress {
	/** So many bytes of all are done. */
	at(bytes: number): void;
	stop(): void;
}

/** What others than people are shown. */
const SILENT: Progress = { at: () => {}, stop: () => {} };
const REDRAWS_PER_SECOND = 5;

export async function progressOf(
	what: string,
	totalBytes: number,
	stream: NodeJS.WriteStream = process.stderr,
): Promise<Progress> {
	if (!stream.isTTY) return SILENT;
	const { default: drawing } = await import("cli-progress");
	const bar = new drawing.SingleBar(
		{
			stream,
			fps: REDRAWS_PER_SECOND,
			format: `${what} [{bar}] {percentage}% {size} of ${sizeText(totalBytes)}, {eta_formatted} left`,
			barsize: 24,
			// The terminal is left as it is: whoever interrupts us gets it back so.
			linewrap: true,
			hideCursor: false,
		},
		drawing.Presets.legacy,
	);
	bar.start(totalBytes, 0, { size: sizeText(0) });
	return { at: (bytes) => bar.update(bytes, { size: sizeText(bytes) }), stop: () => bar.stop() };
}

/** The same for who learns only on the way how much there is to do. */
export class LazyProgress {
	readonly #what: string;
	#progress: Promise<Progress> | undefined;

	constructor(what: string) {
		this.#what = what;
	}

	at(doneBytes: number, ofBytes: number): void {
		this.#progress ??= progressOf(this.#what, ofBytes);
		void this.#progress.then((progress) => progress.at(doneBytes));
	}

	async stop(): Promise<void> {
		(await this.#progress)?.stop();
	}
}

/** Does `work`, which tells how far it is. */
export async function withProgress<T>(
	what: string,
	totalBytes: number,
	work: (at: Progress["at"]) => Promise<T>,
): Promise<T> {
	const progress = await progressOf(what, totalBytes);
	try {
		return await work(progress.at);
	} finally {
		progress.stop();
	}
}
