/**
 * Who is connected: from one address come no more than leave room for others, and one connection has no more requests under way than
 * anybody needs who waits for answers. Asked by `server.ts`.
 */

import type { Socket } from "node:net";

/** Clients of HTTP wait for an answer before they ask again, nearly all of them. */
const REQUESTS_MAX = 16;

export class Callers {
	readonly #most: number;
	readonly #connections = new Map<string, number>();
	readonly #requests = new WeakMap<Socket, number>();

	/** @param connections for all together */
	constructor(connections: number) {
		this.#most = Math.max(Math.floor((connections * 3) / 4), 1);
	}

	/** Cuts off one that is too many. */
	came(socket: Socket): void {
		const from = socket.remoteAddress ?? "";
		const count = (this.#connections.get(from) ?? 0) + 1;
		if (count > this.#most) {
			socket.destroy();
			return;
		}
		this.#connections.set(from, count);
		socket.once("close", () => {
			const left = (this.#connections.get(from) ?? 1) - 1;
			if (left > 0) this.#connections.set(from, left);
			else this.#connections.delete(from);
		});
	}

	/** A request has begun; what it returns is to be called when that is over. */
	began(socket: Socket): () => void {
		const count = (this.#requests.get(socket) ?? 0) + 1;
		this.#requests.set(socket, count);
		if (count > REQUESTS_MAX) socket.destroy();
		return () => {
			this.#requests.set(socket, (this.#requests.get(socket) ?? 1) - 1);
		};
	}
}
