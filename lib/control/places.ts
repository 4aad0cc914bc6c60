/**
 * Where the API listens: on sockets that the opener has made, and after a reload where the files say now. What is no longer wanted takes
 * no more connections, and its last answers are sent; where the opener can't listen is told, and tried again. Used by `control.ts`.
 */

import { closeSync } from "node:fs";
import type { Server } from "node:http";
import type { ListenOptions } from "node:net";
import type { Clock } from "../clock.js";
import { invariant, OperatorError } from "../errors.js";
import type { EventLog } from "./event-log.js";
import type { Listening, Opener } from "./seams.js";
import type { ApiServer } from "./server.js";

const RETRY_MS = 10_000;

export interface Listener {
	readonly transport: "unix" | "tcp";
	readonly where: ListenOptions;
	/** As `[http] listen` has it, of one that it names. */
	readonly address?: string;
}

/** As the opener has handed it on. */
export function listenerOf({ purpose, address, descriptor }: Listening): Listener {
	const transport = address.startsWith("unix:") ? "unix" : "tcp";
	return { transport, where: { fd: descriptor } as ListenOptions, ...(purpose === "http" && { address }) };
}

export class Places {
	#server: ApiServer | undefined;
	readonly #opener: Opener;
	readonly #events: EventLog;
	readonly #clock: Clock;
	/** By address. */
	readonly #servers = new Map<string, Server>();
	#wrong: readonly string[] = [];
	#stopRetrying = (): void => {};
	#isClosed = false;
	/** One after the other. */
	#turn: Promise<void> = Promise.resolve();

	constructor(opener: Opener, events: EventLog, clock: Clock) {
		this.#opener = opener;
		this.#events = events;
		this.#clock = clock;
	}

	/** Where it should be listened and can't be, a line each. */
	get wrong(): readonly string[] {
		return this.#wrong;
	}

	/** Before anything is added. */
	serveBy(server: ApiServer): void {
		this.#server = server;
	}

	async add({ transport, where, address }: Listener): Promise<Server> {
		invariant(this.#server !== undefined, "nobody serves there");
		const server = await this.#server.listen(transport, where);
		if (address !== undefined) this.#servers.set(address, server);
		return server;
	}

	/** Listens at these addresses, and at no others. Nothing is done where that is so already. */
	follow(addresses: readonly string[]): Promise<void> {
		this.#stopRetrying();
		this.#turn = this.#turn.then(() => this.#follow(addresses));
		return this.#turn;
	}

	async #follow(addresses: readonly string[]): Promise<void> {
		this.#stopRetrying();
		const wanted = new Set(addresses);
		const isAsWanted =
			addresses.every((each) => this.#servers.has(each)) && wanted.size === this.#servers.size;
		if (isAsWanted) this.#note([]);
		else await this.#change(wanted);
		if (this.#wrong.length === 0 || this.#isClosed) return;
		this.#stopRetrying = this.#clock.after(RETRY_MS, () => void this.follow(addresses));
	}

	async #change(wanted: ReadonlySet<string>): Promise<void> {
		// First: the opener may want to listen at a part of that, or at what it is a part of.
		this.#leave((address) => !wanted.has(address));
		try {
			const { listeners, wrong } = await this.#opener.listeners();
			await this.#takeOver(listeners);
			const there = new Set(listeners.map(({ address }) => address));
			this.#leave((address) => !there.has(address));
			this.#note(wrong);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#note([error.message]);
		}
	}

	async #takeOver(listeners: readonly Listening[]): Promise<void> {
		for (const each of listeners)
			if (this.#isClosed || each.purpose !== "http" || this.#servers.has(each.address))
				closeSync(each.descriptor);
			else await this.add(listenerOf(each));
	}

	#leave(isLeft: (address: string) => boolean): void {
		for (const [address, server] of this.#servers) {
			if (!isLeft(address)) continue;
			this.#servers.delete(address);
			// Its last answers are not waited for.
			void this.#server?.stop(server);
		}
	}

	#note(wrong: readonly string[]): void {
		for (const message of wrong)
			if (!this.#wrong.includes(message))
				this.#events.add({ kind: "configuration", severity: "error", message: `[http] listen: ${message}` });
		if (this.#wrong.length > 0 && wrong.length === 0)
			this.#events.add({
				kind: "configuration",
				severity: "info",
				message: "[http] listen: is as configured",
			});
		this.#wrong = wrong;
	}

	/** Nothing is tried any more. */
	close(): void {
		this.#isClosed = true;
		this.#stopRetrying();
	}
}
