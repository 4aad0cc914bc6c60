/**
 * The NBD server of a process: exports by name, and the connections of clients, however many sockets they come from. One pump stage for
 * all connections. Filled by `lib/daemon/nbd-exporter.ts`; `accept` is called by whoever listens (`lib/stream/listener.ts`).
 */

import { setImmediate as nextTurn } from "node:timers/promises";
import { PiecePool } from "../block/piece.js";
import { type Clock, systemClock } from "../clock.js";
import { COUNT_START } from "../counters.js";
import type { Departures } from "../departures.js";
import type { Pump, PumpStage } from "../pump.js";
import { Rooms } from "../stream/rooms.js";
import type { ByteStream } from "../stream/stream.js";
import type { Secured } from "../tls/threads.js";
import type { Memory } from "../wire/memory.js";
import type { NbdCommand } from "./command.js";
import { type ConnectionHome, HANDSHAKE_LIMIT_MS, NbdConnection } from "./connection.js";
import type { Client, NbdExport, Opened, Refusal } from "./export.js";
import { Places } from "./places.js";
import type { Talk } from "./talk.js";

/** Memory for data under way of all connections; what each is certain of comes on top. */
const BUDGET_BYTES = 64 * 1024 * 1024;
/** Handshakes of TLS at once: for one more the oldest is cut off, so that those who stop in the middle keep nobody out. */
const HANDSHAKES_MAX = 256;
/** Clients at once, by default. */
export const CONNECTIONS_MAX = 1024;

/** TLS, as it is for those who connect from now on. */
export interface ServerTls {
	readonly isRequired: boolean;
	/** Has the stream; resolves when TLS is up, or has come to nothing, as it does when `signal` says so. Never rejects. */
	readonly begin: (stream: ByteStream, signal: AbortSignal) => Promise<Secured>;
}

export interface NbdServerOptions {
	readonly pump: Pump;
	readonly allocate: (byteLength: number) => Memory;
	readonly clock?: Clock;
	readonly connectionsMax?: number;
	readonly budgetBytes?: number;
	/** Measures how long requests take. */
	readonly departures?: Departures;
	/** What is no export's name: undefined if it is nobody's. Never rejects. */
	readonly open?: (
		name: string,
		client: Client,
	) => NbdExport | Refusal | Promise<Opened | Refusal> | undefined;
	/** Whether there is no other one that is only not served now: whoever asks for no name gets what there is alone, and never another one. */
	readonly isOnly?: (exported: NbdExport) => boolean;
	/** There is no place for a client. */
	readonly onCrowded?: (client: Client) => void;
	/** A client may not have what it asks for. */
	readonly onDenied?: (client: Client, exported: NbdExport) => void;
	/** TLS has come to nothing, or whoever is behind it gets nothing. */
	readonly onInsecure?: (client: Client, why: string) => void;
	/** A client has agreed on an export. */
	readonly onBegin?: (client: Client, exported: NbdExport) => void;
	/** A client is gone; `exported`: what it has used; `why`: that was not in good order. */
	readonly onEnd?: (client: Client, exported: NbdExport | null, why: string | null) => void;
}

export class NbdServer implements ConnectionHome, PumpStage {
	readonly rooms: Rooms;
	readonly pieces = new PiecePool();
	readonly commands: NbdCommand[] = [];
	readonly clock: Clock;
	readonly departures: Departures | null;
	/** Another number whenever somebody has come, gone, or asked for anything. */
	activity = COUNT_START;
	/** Connections that were refused, for there were too many. */
	refused = 0;
	readonly #options: NbdServerOptions;
	readonly #exports = new Map<string, NbdExport>();
	readonly #connections = new Set<NbdConnection>();
	readonly #places: Places;
	readonly #queued: NbdConnection[] = [];
	/** Handshakes of TLS, the oldest first. */
	readonly #securing = new Set<AbortController>();
	/** Null: there is none. Holds for those who connect from now on. */
	tls: ServerTls | null = null;
	/** Handshakes of TLS that came to nothing, and clients that were refused behind it. */
	insecure = 0;
	#isStopped = false;

	constructor(options: NbdServerOptions) {
		this.#options = options;
		this.departures = options.departures ?? null;
		this.clock = options.clock ?? systemClock;
		this.#places = new Places(options.connectionsMax ?? CONNECTIONS_MAX);
		this.rooms = new Rooms(options.allocate, options.budgetBytes ?? BUDGET_BYTES);
		options.pump.addLink(this);
	}

	/** It is served from now on; false if there is one of its name. */
	add(exported: NbdExport): boolean {
		if (this.#exports.has(exported.name)) return false;
		this.#exports.set(exported.name, exported);
		return true;
	}

	/** Nobody begins to use it any more; those who do are answered what they have asked, and cut off. */
	withdraw(exported: NbdExport): void {
		this.#retire(exported);
		for (const connection of this.#connections) if (connection.exported === exported) connection.ended(null);
	}

	#retire(exported: NbdExport): void {
		if (this.#exports.get(exported.name) === exported) this.#exports.delete(exported.name);
	}

	/** And those who use it are cut off: what has not begun is not carried out, and nobody is answered. */
	cutOff(exported: NbdExport): void {
		this.#retire(exported);
		for (const connection of [...this.#connections]) if (connection.exported === exported) connection.close();
	}

	/** Others may have it now: those who may not have what they agreed on are cut off. */
	recheck(exported: NbdExport): void {
		for (const connection of [...this.#connections])
			if (connection.exported === exported && connection.access !== exported.accessOf(connection.stream))
				connection.close("who may have it was changed");
	}

	/** A client. With too many of them, or of its own connections, it is cut off at once. */
	accept(stream: ByteStream): void {
		if (this.#isStopped || !this.#places.take(stream.peer)) {
			this.refused += 1;
			stream.close();
			if (!this.#isStopped) this.#options.onCrowded?.(stream);
			return;
		}
		const offered = this.tls?.isRequired ? "required" : "offered";
		this.#connect(stream, { tls: this.tls === null ? "none" : offered, refusal: null }, this.clock.now());
	}

	#connect(client: ByteStream, how: Pick<Talk, "tls" | "refusal">, sinceMs: number): void {
		const offers = {
			...how,
			exports: () => this.#exports.values(),
			nextTurn: () => nextTurn(undefined),
			find: (name: string) => this.find(name) ?? this.#options.open?.(name, client),
			accessOf: (exported: NbdExport) => exported.accessOf(client),
			denied: (exported: NbdExport) => this.#options.onDenied?.(client, exported),
		};
		this.#connections.add(new NbdConnection(client, this, offers, sinceMs));
	}

	/** What was said before counts for nothing behind TLS; but the time that it took does. */
	secure(connection: NbdConnection): void {
		const { stream, sinceMs } = connection;
		this.#connections.delete(connection);
		this.activity += 1;
		const { tls } = this;
		if (tls === null) {
			this.#places.give(stream.peer);
			stream.close();
			this.#insecure(stream, "TLS is not offered any more");
		} else void this.#secure(tls, stream, sinceMs);
	}

	async #secure(tls: ServerTls, stream: ByteStream, sinceMs: number): Promise<void> {
		const ending = new AbortController();
		if (this.#securing.size >= HANDSHAKES_MAX) {
			const [oldest] = this.#securing;
			if (oldest !== undefined) this.#securing.delete(oldest);
			oldest?.abort();
		}
		this.#securing.add(ending);
		const leftMs = Math.max(0, sinceMs + HANDSHAKE_LIMIT_MS - this.clock.now());
		const forgetLimit = this.clock.after(leftMs, () => ending.abort());
		const secured = await tls.begin(stream, ending.signal);
		forgetLimit();
		this.#securing.delete(ending);
		this.activity += 1;
		if ("why" in secured) {
			this.#places.give(stream.peer);
			this.#insecure(stream, secured.why);
			return;
		}
		if (this.#isStopped || ending.signal.aborted) {
			this.#places.give(stream.peer);
			secured.stream.close();
			return;
		}
		if (secured.refusal !== null) this.#insecure(secured.stream, secured.refusal);
		this.#connect(secured.stream, { tls: "on", refusal: secured.refusal }, sinceMs);
	}

	#insecure(client: Client, why: string): void {
		this.insecure += 1;
		this.#options.onInsecure?.(client, why);
	}

	/** Who asks for no name gets the only one that there is, or what has none. */
	find(name: string): NbdExport | undefined {
		const exported = this.#exports.get(name);
		if (exported !== undefined || name !== "" || this.#exports.size !== 1) return exported;
		const [only] = this.#exports.values();
		return only !== undefined && this.#options.isOnly?.(only) !== false ? only : undefined;
	}

	connections(): Iterable<NbdConnection> {
		return this.#connections;
	}

	/** Takes no more clients, and cuts off those that there are. */
	stop(): void {
		this.#isStopped = true;
		for (const connection of [...this.#connections]) connection.close();
		for (const ending of this.#securing) ending.abort();
	}

	/** It is not drained any more. */
	close(): void {
		this.stop();
		this.#options.pump.remove(this);
	}

	get hasWork(): boolean {
		return this.#queued.length > 0;
	}

	drain(): void {
		this.activity += 1;
		for (const connection of this.#queued.splice(0)) {
			connection.isQueued = false;
			connection.flush();
		}
	}

	/** (To the pump.) */
	get expects(): boolean {
		return this.#connections.size > 0;
	}

	get waitsForOne(): boolean {
		return this.#connections.size === 1 && this.#options.pump.waitsForOneLink;
	}

	runPump(): void {
		this.#options.pump.run();
	}

	allocate(byteLength: number): Memory {
		return this.#options.allocate(byteLength);
	}

	queued(connection: NbdConnection): void {
		connection.isQueued = true;
		this.#queued.push(connection);
		this.#options.pump.wake();
	}

	agreed(connection: NbdConnection, exported: NbdExport): void {
		this.activity += 1;
		for (const other of [...this.#connections])
			if (isEarlier(other, connection)) other.close("the client has connected anew");
		this.#options.onBegin?.(connection.stream, exported);
	}

	closed(connection: NbdConnection, why: string | null): void {
		this.#connections.delete(connection);
		this.#places.give(connection.stream.peer);
		this.activity += 1;
		this.#options.onEnd?.(connection.stream, connection.exported, why);
	}
}

/** Of the same client: by what it calls itself, which others may have heard or guessed, and by whom it has proved to be. */
function isEarlier(one: NbdConnection, later: NbdConnection): boolean {
	if (one === later || later.session === null || one.session !== later.session) return false;
	return one.stream.identity === later.stream.identity;
}
