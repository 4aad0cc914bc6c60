/** A listener on a unix socket and the streams that come to it, for the tests of that link. */

import { connect, type Socket } from "node:net";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import t, { type Test } from "tap";
import type { FrameSink, Link } from "../../lib/link/link.js";
import { UnixLink, type UnixLinkOptions } from "../../lib/link/unix.js";
import { Pump } from "../../lib/pump.js";
import type { Memory } from "../../lib/wire/memory.js";
import { LIMIT_MS } from "../support/limit.js";

/** Waits until `done` says so; fails the test if it takes too long. */
export async function until(done: () => boolean, what: string): Promise<void> {
	const endMs = performance.now() + LIMIT_MS;
	while (!done()) {
		if (performance.now() > endMs) throw new Error(`waited too long for ${what}`);
		await sleep(1);
	}
}

export class Sink implements FrameSink {
	readonly frames: { text: string; peer: number }[] = [];
	changes = 0;

	frame(_link: Link, memory: Memory, offset: number, frameBytes: number, peer: number): void {
		const text = Buffer.from(memory.bytes.slice(offset, offset + frameBytes)).toString("latin1");
		this.frames.push({ text, peer });
	}

	linkChanged(): void {
		this.changes += 1;
	}
}

/** A frame as it is on the stream: written here by hand, not by the code under test. */
export function packed(text: string): Buffer {
	const bytes = Buffer.alloc(4 + text.length);
	bytes.writeUInt32BE(text.length, 0);
	bytes.write(text, 4, "latin1");
	return bytes;
}

/** A connection that keeps all that it receives. */
export async function rawPeer(socketPath: string): Promise<{ socket: Socket; received: () => Buffer }> {
	const socket = connect(socketPath);
	const chunks: Buffer[] = [];
	socket.on("data", (chunk) => chunks.push(chunk));
	socket.on("error", () => {});
	await until(() => socket.readyState === "open", "the connection");
	return { socket, received: () => Buffer.concat(chunks) };
}

export function send(link: Link, text: string, peer: number): boolean {
	const slot = link.acquire();
	if (slot === undefined) return false;
	Buffer.from(text, "latin1").copy(slot.memory.bytes, slot.offset);
	link.transmit(slot, text.length, peer);
	return true;
}

let socketsMade = 0;
export function newPath(dir: string): string {
	return path.join(dir, `s${socketsMade++}`);
}

export const dir = t.testdir({});

export async function opened(t: Test, options: Partial<UnixLinkOptions> = {}) {
	const pump = new Pump();
	const socketPath = newPath(dir);
	const logged: string[] = [];
	const link = await UnixLink.open(socketPath, { pump, log: (line) => logged.push(line), ...options });
	const sink = new Sink();
	link.attach(sink);
	t.teardown(() => link.close());
	return { pump, socketPath, link, sink, logged };
}
