/**
 * Sockets that listen: made by the opener, which may, and kept by it, so that whoever connects while control is started again waits
 * for it instead of being refused. Handed on as descriptors.
 */

import { closeSync, lstatSync, unlinkSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import { getSystemErrorName } from "node:util";
import { invariant, OperatorError } from "../errors.js";
import { InTurn } from "../in-turn.js";
import { removeSocketFile, socketFileAt } from "../link/unix-socket.js";
import { Errno, isNativeError, native } from "../native.js";
import type { ActivatedSocket } from "../notify.js";
import { findGroup } from "../privileges.js";
import { makeFolder, NoRoomError } from "./folders.js";
import type { ListenerName } from "./messages.js";

/** Leaves the group as it is. */
const SAME_GROUP = 0xffff_ffff;
const ALIVE_LIMIT_MS = 1000;
/** A client may be silent for as long as the system lets it. */
const UNLIMITED = 0;
/** Who may ask the daemon: the owner and the group. */
const SOCKET_MODE = 0o660;
/** Who may send frames: the owner. */
const FRAMES_MODE = 0o600;
const FOLDER_MODE = 0o755;

/** An address of the configuration: `unix:PATH`, `127.0.0.1:9470`, `[::1]:9470`. */
async function listenOn(address: string, mode = FRAMES_MODE, group = SAME_GROUP): Promise<number> {
	try {
		if (address.startsWith("unix:")) return await listenUnix(address.slice("unix:".length), mode, group);
		const { host, port } = hostAndPort(address);
		return native.listenTcp(host, port, UNLIMITED);
	} catch (error) {
		if (!isNativeError(error)) throw error;
		const code = getSystemErrorName(-error.errno);
		const Kind = NoRoomError.isSaidBy(code) ? NoRoomError : OperatorError;
		throw new Kind(`${address}: can't listen there (${code} at ${error.step})`);
	}
}

function hostAndPort(address: string): { host: string; port: number } {
	const [, six, four, port] = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5})$/.exec(address) ?? [];
	const host = six ?? four;
	if (host === undefined || Number(port) > 65_535)
		throw new OperatorError(`${address}: an address to listen on is unix:PATH, 127.0.0.1:9470 or [::1]:9470`);
	return { host, port: Number(port) };
}

async function listenUnix(file: string, mode: number, group: number): Promise<number> {
	await makeFolder(path.dirname(file), "the folder of the socket", FOLDER_MODE);
	try {
		return native.listenUnix(file, mode, group);
	} catch (error) {
		if (!isNativeError(error) || error.errno !== Errno.EADDRINUSE) throw error;
	}
	if (!lstatSync(file).isSocket()) throw new OperatorError(`${file}: is there, and no socket`);
	if (await isAlive(file)) throw new OperatorError(`${file}: another process listens there`);
	// Left by one that was killed.
	unlinkSync(file);
	return native.listenUnix(file, mode, group);
}

function isAlive(file: string): Promise<boolean> {
	return new Promise((resolve) => {
		const socket = connect(file);
		const answer = (alive: boolean): void => {
			socket.destroy();
			resolve(alive);
		};
		socket.setTimeout(ALIVE_LIMIT_MS, () => answer(true));
		socket.once("connect", () => answer(true));
		// Nobody listens, or so many wait that it is somebody's.
		socket.once("error", (error) => answer(!("code" in error) || error.code !== "ECONNREFUSED"));
	});
}

/** Whoever connects there later is refused. */
function stopListening(address: string, { descriptor, file }: Held): void {
	if (address.startsWith("unix:")) removeSocketFile(address.slice("unix:".length), file);
	closeSync(descriptor);
}

interface Held {
	readonly descriptor: number;
	/** What it is called by, of a unix socket; null: nothing, or nothing of ours. */
	readonly file: string | null;
	/** The service manager has it too, and goes on listening there. */
	readonly isActivated: boolean;
}

interface Listener extends ListenerName, Held {}

function made(address: string, descriptor: number): Held {
	const file = address.startsWith("unix:") ? socketFileAt(address.slice("unix:".length)) : null;
	return { descriptor, file, isActivated: false };
}

export class Listeners {
	readonly #listeners: Listener[] = [];
	/** Those that the service manager has opened, by address, until they are wanted. */
	readonly #activated: Map<string, number>;
	/** Sockets for frames, by path: kept, for a worker that is started again. */
	readonly #frames = new Map<string, Held>();
	/** Sockets for clients of disks, by address: likewise, until the files have others. */
	readonly #clients = new Map<string, Held>();
	/** One after the other. */
	readonly #turns = new InTurn();

	constructor(activated: readonly ActivatedSocket[] = []) {
		this.#activated = new Map(
			activated.map(({ descriptor }) => [native.socketName(descriptor, false), descriptor]),
		);
	}

	/** Throws an OperatorError if it can't listen there. */
	async listen(purpose: ListenerName["purpose"], address: string, group = SAME_GROUP): Promise<void> {
		this.#listeners.push({ purpose, address, ...(await this.#hold(address, group)) });
	}

	/** What the service manager has opened, or else a new one. */
	async #hold(address: string, group: number): Promise<Held> {
		const activated = this.#activated.get(address);
		this.#activated.delete(address);
		if (activated !== undefined) return { descriptor: activated, file: null, isActivated: true };
		return made(address, await listenOn(address, SOCKET_MODE, group));
	}

	/** Has those of the configuration be these, and no others. Returns what is wrong, a line for each that can't be had. */
	relisten(wanted: readonly ListenerName[]): Promise<string[]> {
		return this.#turns.run(() => this.#relisten(wanted));
	}

	async #relisten(wanted: readonly ListenerName[]): Promise<string[]> {
		const isSame = (one: ListenerName) => (other: ListenerName) =>
			one.address === other.address && one.purpose === other.purpose;
		// First: an address may be part of another one.
		for (const each of this.#listeners.filter(({ purpose }) => purpose !== "socket"))
			if (!wanted.some(isSame(each))) this.#giveUp(each);
		const wrong: string[] = [];
		for (const { purpose, address } of wanted) {
			if (this.#listeners.some((each) => each.address === address)) continue;
			try {
				await this.listen(purpose, address);
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
				wrong.push(error.message);
			}
		}
		return wrong;
	}

	#giveUp(listener: Listener): void {
		this.#listeners.splice(this.#listeners.indexOf(listener), 1);
		this.#release(listener.address, listener);
	}

	#release(address: string, held: Held): void {
		// The service manager listens on; it may be wanted again.
		if (held.isActivated) this.#activated.set(address, held.descriptor);
		else stopListening(address, held);
	}

	get names(): ListenerName[] {
		return this.#listeners.map(({ purpose, address }) => ({ purpose, address }));
	}

	/** In the order of the names, for somebody else. Throws a NativeError if there are not enough for all: then there are none. */
	duplicates(): number[] {
		const made: number[] = [];
		try {
			for (const { descriptor } of this.#listeners) made.push(native.duplicate(descriptor));
		} catch (error) {
			for (const descriptor of made) closeSync(descriptor);
			throw error;
		}
		return made;
	}

	/** Of one, for somebody else. Throws a NativeError if there is no descriptor for it. */
	duplicateOf(address: string): number {
		const listener = this.#listeners.find((each) => each.address === address);
		invariant(listener !== undefined, `nobody listens at ${address}`);
		return native.duplicate(listener.descriptor);
	}

	/** A socket at `file` on which frames come in, for somebody else. */
	async forFrames(file: string): Promise<number> {
		if (this.#listeners.some(({ address }) => address === `unix:${file}`))
			throw new OperatorError(`${file}: that is where commands ask this daemon`);
		const address = `unix:${file}`;
		const known = this.#frames.get(file) ?? made(address, await listenOn(address));
		this.#frames.set(file, known);
		return native.duplicate(known.descriptor);
	}

	/** A socket at which clients of disks come in, for somebody else. */
	forClients(address: string): Promise<number> {
		return this.#turns.run(() => this.#forClients(address));
	}

	async #forClients(address: string): Promise<number> {
		if (this.#listeners.some((each) => each.address === address))
			throw new OperatorError(`${address}: something else of this daemon listens there`);
		const known = this.#clients.get(address) ?? (await this.#hold(address, findGroup() ?? SAME_GROUP));
		this.#clients.set(address, known);
		return native.duplicate(known.descriptor);
	}

	/** Clients of disks come in there at most. */
	retainClients(addresses: readonly string[]): Promise<void> {
		return this.#turns.run(async () => this.#retainClients(addresses));
	}

	#retainClients(addresses: readonly string[]): void {
		for (const [address, held] of this.#clients) {
			if (addresses.includes(address)) continue;
			this.#clients.delete(address);
			this.#release(address, held);
		}
	}

	close(): void {
		this.#retainClients([]);
		for (const held of this.#listeners.splice(0))
			if (held.isActivated) closeSync(held.descriptor);
			else stopListening(held.address, held);
		for (const descriptor of this.#activated.values()) closeSync(descriptor);
		this.#activated.clear();
		for (const [file, held] of this.#frames) stopListening(`unix:${file}`, held);
		this.#frames.clear();
	}
}
