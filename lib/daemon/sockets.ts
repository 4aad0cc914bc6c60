/**
 * Sockets that listen for a protocol on byte streams. Some are an export's own, opened with it or not at all (the classic command line);
 * the others are the process's, and as a configuration says at present: one that can't be had keeps nobody from the rest, and is tried
 * again. Nobody is taken in before there is something to serve. Used by `nbd-exporter.ts` and `iscsi-exporter.ts`.
 */

import { closeSync } from "node:fs";
import { systemClock } from "../clock.js";
import { OperatorError, unreachable } from "../errors.js";
import { removeSocketFile, socketFileAt } from "../link/unix-socket.js";
import type { Log } from "../log.js";
import { isNativeError } from "../native.js";
import type { OwnSocketSpec, SocketSpec } from "../spec/spec.js";
import { Listener, listenOnTcp, listenOnUnix } from "../stream/listener.js";
import type { ByteStream } from "../stream/stream.js";

const RETRY_MS = 10_000;

/** A descriptor that listens. Throws an OperatorError. */
export type OpenSocket = (spec: SocketSpec) => Promise<number>;

export interface SocketsOptions {
	readonly log: Log;
	/** For messages. */
	readonly protocol: "nbd" | "iscsi";
	readonly accept: (stream: ByteStream) => void;
	/** By default this process makes them itself, and removes what they are called by. */
	readonly open?: OpenSocket;
}

/** A socket that listens, or will. */
interface Socket {
	readonly spec: SocketSpec;
	/** What it is called by and is ours to remove; null: nothing. */
	readonly file: string | null;
	/** Until somebody is taken in; those who come wait in the kernel's line. */
	descriptor: number | null;
	listener: Listener | null;
	/** Exports that want it. */
	users: number;
}

export class Sockets {
	readonly #options: SocketsOptions;
	/** Of exports, by name. */
	readonly #own = new Map<string, Promise<Socket>>();
	#wanted: readonly SocketSpec[] = [];
	/** Of the process, by name. */
	readonly #common = new Map<string, Listener>();
	/** Why those are not there that should be, by name. */
	readonly #wrong = new Map<string, string>();
	/** There is something to serve, or was. */
	#isBegun = false;
	#isClosed = false;
	#stopRetrying: () => void = () => {};
	/** One after the other. */
	#turn: Promise<void> = Promise.resolve();

	constructor(options: SocketsOptions) {
		this.#options = options;
	}

	/** Why nobody can connect where the process should listen, each with its address. */
	get wrong(): readonly string[] {
		return [...this.#wrong.values()];
	}

	/** For an export, until `giveBack`. Throws an OperatorError if it can't be had. */
	async take(spec: OwnSocketSpec): Promise<void> {
		const opening = this.#own.get(spec.name) ?? this.#open(spec);
		this.#own.set(spec.name, opening);
		try {
			(await opening).users += 1;
		} catch (error) {
			this.#own.delete(spec.name);
			throw error;
		}
	}

	async #open({ descriptor: opened, ...spec }: OwnSocketSpec): Promise<Socket> {
		const descriptor = opened ?? (await listenOn(spec));
		const file = opened === undefined && spec.kind === "unix" ? socketFileAt(spec.path) : null;
		return { file, spec, descriptor, listener: null, users: 0 };
	}

	async giveBack({ name }: SocketSpec): Promise<void> {
		const socket = await this.#own.get(name);
		if (socket === undefined || --socket.users > 0) return;
		this.#own.delete(name);
		const { file, spec, descriptor, listener } = socket;
		if (spec.kind === "unix") removeSocketFile(spec.path, file);
		listener?.close();
		if (descriptor !== null) closeSync(descriptor);
	}

	/** There is something to serve: who has come is taken in, by these of exports and by those of the process. */
	async begin(own: readonly SocketSpec[]): Promise<void> {
		for (const { name } of own) {
			const socket = await this.#own.get(name);
			if (socket === undefined || socket.descriptor === null) continue;
			socket.listener = new Listener(socket.descriptor, this.#options.accept);
			socket.descriptor = null;
		}
		if (this.#isBegun) return;
		this.#isBegun = true;
		// (What is served does not wait for it.)
		void this.#followSoon();
	}

	/** Those of the process are these from now on. Who has connected stays. */
	follow(wanted: readonly SocketSpec[]): Promise<void> {
		this.#wanted = wanted;
		this.#leave();
		return this.#isBegun ? this.#followSoon() : Promise.resolve();
	}

	#followSoon(): Promise<void> {
		this.#turn = this.#turn.then(() => this.#follow());
		return this.#turn;
	}

	/** Those that are not wanted, at once: where one is wanted again a moment later it is a new one that clients connect to. */
	#leave(): void {
		const names = new Set(this.#wanted.map(({ name }) => name));
		for (const [name, listener] of this.#common)
			if (!names.has(name)) {
				this.#common.delete(name);
				listener.close();
			}
		for (const name of this.#wrong.keys()) if (!names.has(name)) this.#wrong.delete(name);
	}

	async #follow(): Promise<void> {
		this.#stopRetrying();
		const wanted = this.#wanted;
		for (const spec of wanted) {
			if (!this.#common.has(spec.name)) await this.#tryToListen(spec);
			// (Then the next turn does it.)
			if (wanted !== this.#wanted) return;
		}
		if (this.#wrong.size > 0 && !this.#isClosed)
			this.#stopRetrying = systemClock.after(RETRY_MS, () => void this.#followSoon());
	}

	async #tryToListen(spec: SocketSpec): Promise<void> {
		const { accept, log, protocol, open = listenOn } = this.#options;
		const { name } = spec;
		const wanted = this.#wanted;
		try {
			const descriptor = await open(spec);
			// (It may have been left and wanted again meanwhile: then this one is of no use.)
			if (this.#isClosed || wanted !== this.#wanted) {
				closeSync(descriptor);
				return;
			}
			this.#common.set(name, new Listener(descriptor, accept));
			if (this.#wrong.delete(name)) log.info(`${protocol}: clients can connect to ${name} now`);
		} catch (error) {
			if (!(error instanceof OperatorError || isNativeError(error))) throw error;
			if (wanted !== this.#wanted) return;
			if (this.#wrong.get(name) !== error.message)
				log.error(`${protocol}: ${error.message}: it is tried again; what is served elsewhere goes on`);
			this.#wrong.set(name, error.message);
		}
	}

	/** Nobody is taken in any more by those of the process; exports give back theirs. */
	close(): void {
		this.#isClosed = true;
		this.#stopRetrying();
		for (const listener of this.#common.values()) listener.close();
		this.#common.clear();
	}
}

async function listenOn(spec: SocketSpec): Promise<number> {
	switch (spec.kind) {
		case "unix":
			return listenOnUnix(spec.path);
		case "tcp":
			return listenOnTcp(spec.address, spec.port);
		default:
			return unreachable(spec);
	}
}
