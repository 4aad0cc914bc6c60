/**
 * When something is received on a connection: as much in one turn of the loop as that has time for, nothing while it is not to be taken, and after all
 * was answered it is watched for a little while for what comes next, if that has been coming so fast. What has come is taken by an intake, and what may
 * be taken says its user: both are the protocol's. Used by the transmission phases of NBD and iSCSI.
 */

import { type Departures, nowUs } from "../departures.js";
import { DEFAULT_POLL_US, Pace } from "../link/pace.js";
import { turn } from "../turn.js";
import type { ByteStream } from "./stream.js";

/** Calls of the kernel for one turn of the loop. */
const RECEIVES_A_TURN = 8;

/** What all connections of a server share. */
export interface ReceiverHome {
	readonly departures: Departures | null;
	/** Nothing can happen in this process but that this one connection is sent more: it may wait for that without sleeping. */
	readonly waitsForOne: boolean;
	/** Carries out what was queued. */
	runPump(): void;
}

/** What has come, and is not taken yet. */
export interface Received {
	/** There was no room for what comes next: to be tried again when there may be. */
	lacksRoom: boolean;
	/** All that has come was taken, but for what is no whole. */
	readonly wantsMore: boolean;
	/** False if nothing has come; it is watched for so many microseconds. */
	receive(watchUs: number): boolean;
	/** As much of it as may be taken. */
	take(): void;
	/** Nothing is received for now. */
	rest(): void;
}

export interface ReceiverUser {
	/** One more request may be taken. */
	readonly mayTake: boolean;
	/** It goes on, before anything is received: what waited may have what it lacked. */
	resumed(): void;
}

export class Receiver {
	/** When what is being taken has come. */
	arrivedUs = 0;
	readonly #home: ReceiverHome;
	readonly #stream: ByteStream;
	readonly #received: Received;
	readonly #user: ReceiverUser;
	/** Who waits for each answer sends the next request before a sleep would be over. */
	readonly #pace = new Pace(DEFAULT_POLL_US);
	#isPaused = false;
	#isClosed = false;
	/** It goes on in the next turn. */
	#resumes = false;

	constructor(home: ReceiverHome, stream: ByteStream, received: Received, user: ReceiverUser) {
		this.#home = home;
		this.#stream = stream;
		this.#received = received;
		this.#user = user;
	}

	/** Nothing was to be taken when it was looked last. */
	get isPaused(): boolean {
		return this.#isPaused;
	}

	/** Takes what has come, as much as one turn has time for. Not to be called while the pump runs. */
	receive(): void {
		turn.begin();
		this.#pace.arrived();
		this.#receive();
	}

	#receive(): void {
		const received = this.#received;
		const user = this.#user;
		if (this.#home.departures !== null) this.arrivedUs = nowUs();
		let isDry = false;
		for (let left = RECEIVES_A_TURN; left > 0 && !isDry && !turn.isSpent && user.mayTake; left--) {
			isDry = received.wantsMore && !received.receive(0) && !this.#watch();
			if (!isDry) received.take();
			// (What was lent is no more from here on.)
			this.#home.runPump();
		}
		if (this.#isClosed) return;
		if (!user.mayTake) this.#pause();
		else if (!received.wantsMore) this.resumeSoon();
		received.rest();
	}

	/** All has been answered: waits a little for what comes next. False if nothing has come. */
	#watch(): boolean {
		// (What is encrypted wants the processor itself.)
		if (!this.#home.waitsForOne || this.#stream.encryption !== null) return false;
		const forUs = this.#pace.emptied();
		if (forUs === 0) return false;
		const isFound = this.#received.receive(forUs);
		if (isFound) this.#pace.arrived();
		this.#pace.watched(isFound);
		return isFound;
	}

	#pause(): void {
		if (this.#isPaused) return;
		this.#isPaused = true;
		this.#stream.wantReadable(false);
	}

	/** In the next turn. */
	resumeSoon(): void {
		if (this.#resumes || this.#isClosed) return;
		this.#resumes = true;
		setImmediate(this.#resume);
	}

	readonly #resume = (): void => {
		this.#resumes = false;
		if (this.#isClosed) return;
		turn.begin();
		this.#user.resumed();
		this.#received.lacksRoom = false;
		if (this.#isPaused && this.#user.mayTake) {
			this.#isPaused = false;
			this.#stream.wantReadable(true);
		}
		this.#receive();
		this.#home.runPump();
	};

	/** Nothing is received any more. */
	close(): void {
		this.#isClosed = true;
	}
}
