/**
 * The process that a `gre:` link has its packets from (`vblade gre PEER`, `lib/gre/`): a child at the other end of a socket, which is its
 * descriptor 3, and whose end is the child's. Used by `gre.ts`; a process that may start no program has another one start it
 * (`lib/gre/keeper.ts`), and says so here.
 */

import { type ChildProcess, spawn } from "node:child_process";
import { Socket } from "node:net";
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

let standard: StartTunnel = (peer) => startTunnel(peer);

/** From now on this process has its tunnels started like that. */
export function startTunnelsBy(start: StartTunnel): void {
	standard = start;
}

/** In the way of this process. */
export function standardTunnel(peer: string): Promise<TunnelProcess> {
	return standard(peer);
}

/** Starts `vblade gre` for these peers, with whatever stands behind; descriptor 3 is `end`: an end of a socket pair, or "pipe" for a new one. */
export function spawnGre(
	peers: readonly string[],
	end: number | "pipe",
	{ prefix = [], flags = [] }: { prefix?: readonly string[]; flags?: readonly string[] } = {},
): ChildProcess {
	const vblade = path.join(packageDirectory(), "build/bin/vblade.js");
	const command = [...prefix, process.execPath, "--max-semi-space-size=1", vblade];
	const [program = "", ...args] = [...command, "gre", ...peers, "--fd", String(DESCRIPTOR), ...flags];
	const child = spawn(program, args, { stdio: ["ignore", "ignore", "inherit", end] });
	child.unref();
	return child;
}

/** Starts it as a child of this process, with `prefix` before the command. */
export async function startTunnel(peer: string, prefix: readonly string[] = []): Promise<TunnelProcess> {
	const child = spawnGre([peer], "pipe", { prefix });
	const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
	await new Promise<void>((resolve, reject) => {
		child.once("spawn", resolve);
		child.once("error", reject);
	});
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

/** One that another process has started: its end of the stream. Whoever has started it ends it, at the latest when it starts the next. */
export function tunnelOn(descriptor: number): TunnelProcess {
	return { stream: new Socket({ fd: descriptor }), end: () => {}, finish: async () => {} };
}
