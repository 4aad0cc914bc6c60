/**
 * One connection that carries frames (`stream-frames.ts`), on its sending side: what waits for it, and at most one write at a time.
 * Used by `unix.ts`, by `gre.ts`, and at the other end of that one by `lib/gre/`.
 */

import type { Socket } from "node:net";
import type { FrameJoiner } from "./stream-frames.js";

/** How long `finish` waits for the other end to take what is queued for it. */
const FINISH_LIMIT_MS = 1000;

export class StreamPeer {
	#writing = false;
	#finishing = false;
	readonly #written = (): void => {
		this.#writing = false;
		this.flush();
	};

	constructor(
		readonly socket: Socket,
		readonly joiner: FrameJoiner,
	) {}

	/** Sends what waits, unless the peer is still busy with what was sent before; then it goes on by itself. */
	flush(): void {
		if (this.#writing || this.socket.destroyed) return;
		if (this.joiner.waitingBytes > 0) {
			this.#writing = true;
			this.socket.write(this.joiner.take(), this.#written);
		} else if (this.#finishing) {
			this.socket.destroy();
		}
	}

	/** Sends what waits if the peer takes it in time, then disconnects. */
	async finish(): Promise<void> {
		if (this.socket.destroyed) return;
		await new Promise<void>((resolve) => {
			const limit = setTimeout(() => this.socket.destroy(), FINISH_LIMIT_MS);
			this.socket.once("close", () => {
				clearTimeout(limit);
				resolve();
			});
			this.#finishing = true;
			this.flush();
		});
	}
}
