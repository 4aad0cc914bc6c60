/**
 * Tunnels for a process that may start no program: another one, which may, starts them and hands over its end of each stream. That is
 * the opener where there is one; for a server with `--user` it is a process that does nothing else (`vblade gre PEER ... --keep`),
 * started before root is given up. It starts tunnels to the peers that it was started with, and to no others.
 */

import type { ChildProcess } from "node:child_process";
import { closeSync } from "node:fs";
import { Asking, type Delivery } from "../channel/asking.js";
import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import { type StartTunnel, spawnGre, startTunnelsBy, tunnelOn } from "../link/tunnel-process.js";
import { native } from "../native.js";
import { quote } from "../text.js";

/** What is asked. The answer has one descriptor. */
export interface TunnelRequest {
	readonly kind: "tunnel";
	readonly peer: string;
}

const ASK_LIMIT_MS = 10_000;
/** Between two starts for one peer: less than a link waits before it tries again, more than a program that starts costs. */
const PAUSE_MS = 400;
/** What is asked and answered is short. */
const SHORT = { longestBytes: 4096 };

/** The tunnels that a process has started for another one. */
export class Tunnels {
	readonly #running = new Map<string, ChildProcess>();
	/** Milliseconds of the clock, by peer. */
	readonly #startedMs = new Map<string, number>();
	readonly #clock: Clock;

	constructor(clock: Clock = systemClock) {
		this.#clock = clock;
	}

	/**
	 * Starts one; the one before it to the same peer ends first, for it may hang. Returns a descriptor for who asked. Throws an
	 * OperatorError if one was started just now: whoever asks without end gets no process without end.
	 */
	start(peer: string): number {
		const nowMs = this.#clock.now();
		if (nowMs - (this.#startedMs.get(peer) ?? -PAUSE_MS) < PAUSE_MS)
			throw new OperatorError(`peer ${quote(peer)}: a tunnel to it was started just now`);
		this.#startedMs.set(peer, nowMs);
		this.#running.get(peer)?.kill("SIGKILL");
		const [ours, theirs] = native.socketPair();
		const child = spawnGre([peer], theirs);
		closeSync(theirs);
		this.#running.set(peer, child);
		const over = (): void => {
			if (this.#running.get(peer) === child) this.#running.delete(peer);
		};
		// One that can't be started only has an error; who asked sees its stream end.
		child.once("error", over);
		child.once("exit", over);
		return ours;
	}
}

/** Has `ask` start the tunnels of this process from now on. */
export function startTunnelsByAsking(ask: (request: TunnelRequest) => Promise<Delivery>): void {
	const start: StartTunnel = async (peer) => {
		const { files } = await ask({ kind: "tunnel", peer });
		const [descriptor] = files.take();
		if (descriptor === undefined) throw new Error("no tunnel has come");
		return tunnelOn(descriptor);
	};
	startTunnelsBy(start);
}

/** Starts a keeper for these peers: this process is about to give up what it takes to start tunnels itself. */
export function startKeeper(peers: readonly string[]): void {
	const [ours, theirs] = native.socketPair();
	spawnGre(peers, theirs, { flags: ["--keep"] }).once("error", () => {});
	closeSync(theirs);
	const refuse = (): never => {
		throw new OperatorError("is not asked anything");
	};
	const asking = new Asking(
		ours,
		{ answer: refuse, told: () => {}, ended: () => {} },
		{ ...SHORT, mostFiles: 1 },
	);
	startTunnelsByAsking((request) => asking.ask({ body: request }, ASK_LIMIT_MS));
}

/** The keeper's process. Resolves when whoever it keeps them for is gone. */
export async function runKeeper(descriptor: number, peers: readonly string[]): Promise<void> {
	const tunnels = new Tunnels();
	await new Promise<void>((resolve) => {
		const answer = ({ body }: Delivery) => {
			const { kind, peer } = body;
			if (kind !== "tunnel" || typeof peer !== "string" || !peers.includes(peer))
				throw new OperatorError(
					`peer ${quote(String(peer))}: is not one of those that were named at the start`,
				);
			return { body: {}, files: [tunnels.start(peer)] };
		};
		new Asking(
			descriptor,
			{ answer, told: () => {}, ended: () => resolve() },
			{ ...SHORT, mostQuestions: 16 },
		);
	});
}
