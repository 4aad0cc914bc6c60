/**
 * One request after the other, of each connection. HTTP/1.1 lets whoever asks send more before he is answered, and Node hands on all that it has
 * read at once, some hundred in 64 KiB: all others would wait for that, and for as much of each other connection. Used by `server.ts`.
 */

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** What waits behind the one that is answered: no browser sends any, and nor does iPXE. */
export const WAITING_MAX = 64;

type Answer = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** Hands on a request when those before it on its connection are answered and the loop has had a turn. Too many end the connection. */
export function oneByOne(answer: Answer): Answer {
	/** Of each connection that has a request under way: what waits behind it. */
	const waiting = new WeakMap<Socket, (() => void)[]>();

	const begin: Answer = (incoming, outgoing) => {
		outgoing.once("close", () => setImmediate(next, incoming.socket));
		answer(incoming, outgoing);
	};
	const next = (socket: Socket): void => {
		const work = waiting.get(socket)?.shift();
		if (work === undefined || socket.destroyed) waiting.delete(socket);
		else work();
	};

	return (incoming, outgoing) => {
		const { socket } = incoming;
		// What was read with the one too many is handed on still.
		if (socket.destroyed) return;
		const before = waiting.get(socket);
		if (before === undefined) {
			waiting.set(socket, []);
			begin(incoming, outgoing);
		} else if (before.length < WAITING_MAX) before.push(() => begin(incoming, outgoing));
		else socket.destroy();
	};
}
