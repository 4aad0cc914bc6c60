/**
 * A line of so many bits a second and so long a way, as a proxy on loopback: what comes is passed on at that rate, each direction by itself for all connections
 * together, half the round trip later. What it can't take it does not read. Used by `object-replica.ts`.
 */

import { once } from "node:events";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { pause } from "../support/cleanup.js";

/** What is on its way at most in each direction of a connection: more is not read until less is. */
const HELD_BYTES = 64 * 1024;
/** Passed on at once, as a packet is. */
const PART_BYTES = 1400;

/** Of all that goes one way: when the next byte may go. */
class Direction {
	#freeMs = 0;
	bytes = 0;

	constructor(readonly bytesPerMs: number) {}

	/** How long that many bytes wait, and take. */
	take(bytes: number): number {
		const now = performance.now();
		this.#freeMs = Math.max(now, this.#freeMs) + bytes / this.bytesPerMs;
		this.bytes += bytes;
		return this.#freeMs - now;
	}
}

export class SlowLine {
	readonly #up: Direction;
	readonly #down: Direction;
	readonly #server: Server;
	readonly #sockets = new Set<Socket>();

	/** To a port of this network namespace. */
	constructor(
		readonly port: number,
		bitsPerSecond: number,
		readonly roundTripMs: number,
	) {
		this.#up = new Direction(bitsPerSecond / 8 / 1000);
		this.#down = new Direction(bitsPerSecond / 8 / 1000);
		this.#server = createServer({ allowHalfOpen: true }, (near) => this.#connect(near));
	}

	async start(port: number): Promise<void> {
		this.#server.listen(port, "127.0.0.1");
		await once(this.#server, "listening");
	}

	/** What has come to it, from those that have connected. */
	get sentBytes(): number {
		return this.#up.bytes;
	}

	async stop(): Promise<void> {
		for (const socket of this.#sockets) socket.destroy();
		this.#server.close();
		await once(this.#server, "close");
	}

	#connect(near: Socket): void {
		const far = createConnection({ port: this.port, host: "127.0.0.1", allowHalfOpen: true });
		for (const socket of [near, far]) {
			this.#sockets.add(socket);
			socket.setNoDelay(true);
			socket.on("error", () => {});
			socket.on("close", () => {
				this.#sockets.delete(socket);
				near.destroy();
				far.destroy();
			});
		}
		this.#carry(near, far, this.#up);
		this.#carry(far, near, this.#down);
	}

	#carry(from: Socket, to: Socket, line: Direction): void {
		let held = 0;
		let last = Promise.resolve();
		from.on("data", (chunk: Buffer) => {
			held += chunk.length;
			if (held > HELD_BYTES) from.pause();
			last = last.then(async () => {
				for (let at = 0; at < chunk.length; at += PART_BYTES) {
					const part = chunk.subarray(at, at + PART_BYTES);
					await pause(line.take(part.length));
					setTimeout(() => !to.destroyed && to.write(part), this.roundTripMs / 2);
				}
				held -= chunk.length;
				if (held <= HELD_BYTES) from.resume();
			});
		});
		from.on("end", () => void last.then(() => setTimeout(() => to.end(), this.roundTripMs / 2)));
	}
}
