/**
 * The process that a `gre:` link has its packets from (`vblade gre PEER`, `lib/gre/`), as this process starts it: a child at the other
 * end of a socket, which is its descriptor 3, and whose end is the child's. Used by `gre.ts` unless somebody else starts it.
 */

import { spawn } from "node:child_process";
import type { Socket } from "node:net";
import path from "node:path";
import { packageDirectory } from "../addon.js";

/** One that runs. */
export interface TunnelProcess {
	/** The frames, and what it says of itself. */
	readonly stream: Socket;
	/** Ends it, whatever it is at. */
	end(): void;
	/** Waits until it has ended by itself, as it does when the stream has; not for long. */
	finish(): Promise<void>;
}

/** Starts one for `peer`, each time that it is called. Rejects if that can't be. */
export type StartTunnel = (peer: string) => Promise<TunnelProcess>;

/** The child's end of the socket. */
const DESCRIPTOR = 3;
const FINISH_LIMIT_MS = 2000;

/** The words that start it. */
function commandFor(peer: string): string[] {
	const program = path.join(packageDirectory(), "build/bin/vblade.js");
	return [process.execPath, "--max-semi-space-size=1", program, "gre", peer, "--fd", String(DESCRIPTOR)];
}

/** Starts it as a child of this process, with `prefix` before the command. */
export async function startTunnel(peer: string, prefix: readonly string[] = []): Promise<TunnelProcess> {
	const [program = "", ...words] = [...prefix, ...commandFor(peer)];
	const child = spawn(program, words, { stdio: ["ignore", "ignore", "inherit", "pipe"] });
	const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	await new Promise<void>((resolve, reject) => {
		child.once("spawn", resolve);
		child.once("error", reject);
	});
	child.unref();
	return {
		stream: child.stdio[DESCRIPTOR] as Socket,
		end: () => void child.kill("SIGKILL"),
		finish: async () => {
			const limit = setTimeout(() => child.kill("SIGKILL"), FINISH_LIMIT_MS);
			await ended;
			clearTimeout(limit);
		},
	};
}
