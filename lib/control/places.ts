/**
 * Where the API listens, and who has boot scripts: on sockets that the opener has made, and after a reload where the files say now. What is no longer wanted takes
 * no more connections, and its last answers are sent; where the opener can't listen is told, and tried again. Used by `control.ts`.
 */

import { closeSync } from "node:fs";
import type { Server } from "node:http";
import type { ListenOptions } from "node:net";
import type { Clock } from "../clock.js";
import { invariant, OperatorError } from "../errors.js";
import type { ListenerName, WebPurpose } from "../opener/messages.js";
import type { Config } from "../spec/configuration.js";
import type { EventLog } from "./event-log.js";
import type { Listening, Opener } from "./seams.js";
import type { ApiServer } from "./server.js";

const RETRY_MS = 10_000;

export interface Listener {
	readonly transport: "unix" | "tcp";
	readonly where: ListenOptions;
	/** Of one that the configuration names, with the address as that has it. */
	readonly named?: { readonly purpose: WebPurpose; readonly address: string };
}

interface Serving {
	readonly purpose: WebPurpose;
	readonly server: Server;
}

/** As the opener has handed it on. */
export function listenerOf({ purpose, address, descriptor }: Listening): Listener {
	const transport = address.startsWith("unix:") ? "unix" : "tcp";
	const where = { fd: descriptor } as ListenOptions;
	return { transport, where, ...(purpose !== "socket" && { named: { purpose, address } }) };
}

/** Purposes, by address. */
type Wanted = ReadonlyMap<string, WebPurpose>;

export class Places {
	#servers: Readonly<Record<WebPurpose, ApiServer>> | undefined;
	readonly #opener: Opener;
	readonly #events: EventLog;
	readonly #clock: Clock;
	/** By address. */
	readonly #serving = new Map<string, Serving>();
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
	serveBy(servers: Readonly<Record<WebPurpose, ApiServer>>): void {
		this.#servers = servers;
	}

	async add({ transport, where, named }: Listener): Promise<Server> {
		invariant(this.#servers !== undefined, "nobody serves there");
		const server = await this.#servers[named?.purpose ?? "http"].listen(transport, where);
		if (named !== undefined) this.#serving.set(named.address, { purpose: named.purpose, server });
		return server;
	}

	/** Listens at these addresses, and at no others. Nothing is done where that is so already. */
	follow({ http, boot }: Pick<Config, WebPurpose>): Promise<void> {
		const wanted = new Map<string, WebPurpose>([
			...http.listen.map(({ name }) => [name, "http"] as const),
			...boot.listen.map(({ name }) => [name, "boot"] as const),
		]);
		return this.#followSoon(wanted);
	}

	#followSoon(wanted: Wanted): Promise<void> {
		this.#stopRetrying();
		this.#turn = this.#turn.then(() => this.#follow(wanted));
		return this.#turn;
	}

	async #follow(wanted: Wanted): Promise<void> {
		this.#stopRetrying();
		const isServed = ([address, purpose]: readonly [string, WebPurpose]): boolean =>
			this.#serving.get(address)?.purpose === purpose;
		const isAsWanted = [...wanted].every(isServed) && wanted.size === this.#serving.size;
		if (isAsWanted) this.#note([], wanted);
		else await this.#change(wanted);
		if (this.#wrong.length === 0 || this.#isClosed) return;
		this.#stopRetrying = this.#clock.after(RETRY_MS, () => void this.#followSoon(wanted));
	}

	async #change(wanted: Wanted): Promise<void> {
		// First: the opener may want to listen at a part of that, or at what it is a part of.
		this.#leaveAllBut(wanted);
		try {
			const { listeners, wrong } = await this.#opener.listeners();
			await this.#takeOver(listeners);
			this.#leaveAllBut(new Map(listeners.map(({ address, purpose }) => [address, purpose])));
			this.#note(wrong, wanted);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			this.#note([error.message], wanted);
		}
	}

	async #takeOver(listeners: readonly Listening[]): Promise<void> {
		for (const each of listeners)
			if (this.#isClosed || each.purpose === "socket" || this.#serving.has(each.address))
				closeSync(each.descriptor);
			else await this.add(listenerOf(each));
	}

	#leaveAllBut(wanted: ReadonlyMap<string, ListenerName["purpose"]>): void {
		for (const [address, { purpose, server }] of this.#serving) {
			if (wanted.get(address) === purpose) continue;
			this.#serving.delete(address);
			// Its last answers are not waited for.
			void this.#servers?.[purpose].stop(server);
		}
	}

	#note(lines: readonly string[], wanted: Wanted): void {
		const isOfBoot = (line: string): boolean =>
			[...wanted].some(([address, purpose]) => purpose === "boot" && line.startsWith(`${address}: `));
		const wrong = lines.map((line) => `[${isOfBoot(line) ? "boot" : "http"}] listen: ${line}`);
		for (const message of wrong)
			if (!this.#wrong.includes(message))
				this.#events.add({ kind: "configuration", severity: "error", message });
		if (this.#wrong.length > 0 && wrong.length === 0)
			this.#events.add({
				kind: "configuration",
				severity: "info",
				message: "listen: all is as configured",
			});
		this.#wrong = wrong;
	}

	/** Nothing is tried any more. */
	close(): void {
		this.#isClosed = true;
		this.#stopRetrying();
	}
}
