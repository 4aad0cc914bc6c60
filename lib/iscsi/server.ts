/**
 * The iSCSI server of a process: targets by name, and the connections of initiators, however many sockets they come from. One pump stage for
 * all connections. Filled by `lib/daemon/`; `accept` is called by whoever listens (`lib/stream/listener.ts`).
 */

import { type Clock, systemClock } from "../clock.js";
import { COUNT_START } from "../counters.js";
import type { Departures } from "../departures.js";
import { Places } from "../nbd/places.js";
import type { Pump, PumpStage } from "../pump.js";
import { Rooms } from "../stream/rooms.js";
import type { ByteStream } from "../stream/stream.js";
import type { Memory } from "../wire/memory.js";
import { isSameAccount } from "./chap.js";
import { CommandPool } from "./command.js";
import { type ConnectionHome, IscsiConnection } from "./connection.js";
import { LoginStatus } from "./pdu.js";
import { ProofDelays } from "./proof-delays.js";
import type { Session } from "./session.js";
import { Sessions } from "./sessions.js";
import type { Agreed, LoginRefusal, Offers, Refused } from "./talk.js";
import type { Initiator, IscsiTarget } from "./target.js";

/** Memory for data under way of all connections; what each is certain of comes on top. */
const BUDGET_BYTES = 64 * 1024 * 1024;
/** Initiators at once, by default. */
const CONNECTIONS_MAX = 1024;
/** Connections are looked at so often: see `IscsiConnection.look`. */
const LOOK_MS = 5000;

export interface IscsiServerOptions {
	readonly pump: Pump;
	readonly allocate: (byteLength: number) => Memory;
	readonly clock?: Clock;
	readonly connectionsMax?: number;
	readonly budgetBytes?: number;
	/** Measures how long commands take. */
	readonly departures?: Departures;
	/** Addresses and ports that initiators are told: see `Offers.portals`. `stream`: who asks. */
	readonly portals: (stream: ByteStream) => readonly string[];
	/** Why nobody can log in now to what is no target, but will be one, by that name; undefined: there is none of it. */
	readonly absent?: (name: string, initiator: Initiator) => string | undefined;
	/** There is no place for an initiator. */
	readonly onCrowded?: (peer: string) => void;
	/** One has asked what there is, and may have nothing of that. */
	readonly onShownNothing?: (initiator: Initiator, why: string) => void;
	/** A login has come to nothing. */
	readonly onRefused?: (peer: string, refused: Refused) => void;
	readonly onBegin?: (session: Session) => void;
	/** A connection is over; `session`: its; `why`: that was not in good order. */
	readonly onEnd?: (peer: string, session: Session | null, why: string | null) => void;
}

export class IscsiServer implements ConnectionHome, PumpStage {
	readonly rooms: Rooms;
	readonly pool = new CommandPool();
	readonly clock: Clock;
	readonly departures: Departures | null;
	readonly sessions: Sessions;
	readonly broken = { header: 0, data: 0 };
	/** Another number whenever somebody has come, gone, or asked for anything. */
	activity = COUNT_START;
	/** Connections that were refused, for there were too many. */
	crowded = 0;
	readonly #options: IscsiServerOptions;
	readonly #targets = new Map<string, IscsiTarget>();
	readonly #connections = new Set<IscsiConnection>();
	readonly #places: Places;
	readonly #proofs: ProofDelays;
	/** Those that have something to send: a list, as an array would be made anew again and again. */
	#firstQueued: IscsiConnection | null = null;
	/** While there are connections. */
	#forgetLook: (() => void) | null = null;
	#isStopped = false;

	constructor(options: IscsiServerOptions) {
		this.#options = options;
		this.departures = options.departures ?? null;
		this.clock = options.clock ?? systemClock;
		this.sessions = new Sessions(this.clock, this.departures);
		this.#proofs = new ProofDelays(this.clock);
		this.#places = new Places(options.connectionsMax ?? CONNECTIONS_MAX);
		this.rooms = new Rooms(options.allocate, options.budgetBytes ?? BUDGET_BYTES);
		options.pump.addLink(this);
	}

	/** It is served from now on; false if there is one of its name. */
	add(target: IscsiTarget): boolean {
		const { name } = target.scsi;
		if (this.#targets.has(name)) return false;
		this.#targets.set(name, target);
		return true;
	}

	/** Nobody begins to use it any more; those who do go on. */
	retire({ scsi }: IscsiTarget): void {
		if (this.#targets.get(scsi.name)?.scsi === scsi) this.#targets.delete(scsi.name);
	}

	/** And those who use it are cut off: what has not begun is not carried out, and nobody is answered. They may be right to come again. */
	cutOff(target: IscsiTarget): void {
		this.retire(target);
		this.#closeAll(this.#of(target), null);
	}

	/** Others may have it now, or something else has to be proved: those who may not, or have not, are cut off. */
	recheck(target: IscsiTarget): void {
		const { wantedUser } = target;
		const shutOut = this.#of(target).filter(({ peer, session }) => {
			const { identity, user } = session!;
			return (
				target.shutsOut({ peer, name: identity.initiatorName }) !== null ||
				(wantedUser !== null && user !== wantedUser)
			);
		});
		this.#closeAll(shutOut, "who may have it was changed");
	}

	#of({ scsi }: Pick<IscsiTarget, "scsi">): IscsiConnection[] {
		return [...this.#connections].filter(({ session }) => session !== null && session.of?.scsi === scsi);
	}

	#closeAll(connections: readonly IscsiConnection[], why: string | null): void {
		for (const connection of connections) connection.close(why);
	}

	/** An initiator. With too many of them, or of its own connections, it is cut off at once. */
	accept(stream: ByteStream): void {
		if (this.#isStopped || !this.#places.take(stream.peer)) {
			stream.close();
			if (this.#isStopped) return;
			this.crowded += 1;
			this.#options.onCrowded?.(stream.peer);
			return;
		}
		this.#connections.add(new IscsiConnection(stream, this, this.#offersTo(stream)));
		this.#lookSoon();
	}

	#offersTo(stream: ByteStream): Offers {
		return {
			peer: stream.peer,
			targets: () => this.#targets.values(),
			find: (name, initiator) => this.#targets.get(name) ?? this.#absent(name, initiator),
			shownNothing: (initiator, why) => this.#options.onShownNothing?.(initiator, why),
			portals: () => this.#options.portals(stream),
			proofs: this.#proofs.of(stream.peer),
			session: (identity, target) => this.sessions.agreed(identity, target),
		};
	}

	#absent(name: string, initiator: Initiator): LoginRefusal | undefined {
		const why = this.#options.absent?.(name, initiator);
		return why === undefined ? undefined : { status: LoginStatus.unavailable, why };
	}

	connections(): Iterable<IscsiConnection> {
		return this.#connections;
	}

	#lookSoon(): void {
		this.#forgetLook ??= this.clock.after(LOOK_MS, () => this.#look());
	}

	#look(): void {
		this.#forgetLook = null;
		for (const connection of [...this.#connections]) connection.look();
		if (this.#connections.size > 0) this.#lookSoon();
		this.runPump();
	}

	/** Nothing more is taken from those there are, who ask again elsewhere, or later: an answer might be that there is no such unit, and nobody would ask again. */
	quieten(): void {
		for (const { transmission } of this.#connections) transmission?.ending();
	}

	/** Takes no more initiators, and cuts off those that there are. */
	stop(): void {
		this.#isStopped = true;
		this.#forgetLook?.();
		this.#forgetLook = null;
		this.#closeAll([...this.#connections], null);
	}

	/** It is not drained any more. */
	close(): void {
		this.stop();
		this.#options.pump.remove(this);
	}

	get hasWork(): boolean {
		return this.#firstQueued !== null;
	}

	drain(): void {
		this.activity += 1;
		let connection = this.#firstQueued;
		this.#firstQueued = null;
		while (connection !== null) {
			const next = connection.nextQueued;
			connection.isQueued = false;
			connection.nextQueued = null;
			connection.flush();
			connection = next;
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

	queued(connection: IscsiConnection): void {
		connection.isQueued = true;
		connection.nextQueued = this.#firstQueued;
		this.#firstQueued = connection;
		this.#options.pump.wake();
	}

	begin(connection: IscsiConnection, agreed: Agreed): Promise<Session | LoginRefusal> {
		return this.sessions.begin(agreed, connection, () => this.#refusalOf(connection, agreed));
	}

	/** What has changed since the login began, which may be long ago: `recheck` and `cutOff` know only of sessions. Null: nothing that matters. */
	#refusalOf({ peer }: IscsiConnection, { identity, target, proved }: Agreed): LoginRefusal | null {
		if (target === null) return null;
		const { name } = target.scsi;
		const now = this.#targets.get(name);
		const initiator = { peer, name: identity.initiatorName };
		if (now?.scsi !== target.scsi) {
			const why = "its target has gone meanwhile";
			return this.#absent(name, initiator) ?? { status: LoginStatus.notFound, why };
		}
		if (now.shutsOut(initiator) !== null)
			return { status: LoginStatus.forbidden, why: "who may have that target was changed meanwhile" };
		if (now.unavailable !== null) return { status: LoginStatus.unavailable, why: now.unavailable };
		return now.chap === null || (proved !== null && isSameAccount(proved, now.chap.initiator))
			? null
			: { status: LoginStatus.authenticationFailed, why: "what it has to prove was changed meanwhile" };
	}

	begun(session: Session): void {
		this.activity += 1;
		this.#options.onBegin?.(session);
	}

	refused({ peer }: IscsiConnection, refused: Refused): void {
		this.activity += 1;
		this.#options.onRefused?.(peer, refused);
	}

	closed(connection: IscsiConnection, why: string | null): void {
		this.#connections.delete(connection);
		this.#places.give(connection.peer);
		this.activity += 1;
		this.#options.onEnd?.(connection.peer, connection.session, why);
	}

	idle(session: Session): void {
		this.sessions.end(session);
	}
}
