/**
 * One host's seat at a pool that two hosts serve (`serve = "both"`): its volumes are here while this host has the pool, and are asked of the host that has it
 * otherwise (`partner-line.ts`), with nothing but a pause in between. The owner hands its volumes on (`partner-server.ts`), and the pool, to whoever has to have it
 * (`Yielding`). Made by `both-hosts.ts`, which knows those of a process.
 */

import type { Partner } from "../block/device.js";
import { type Clock, systemClock } from "../clock.js";
import { OperatorError } from "../errors.js";
import { pause } from "../object/attempts.js";
import { NoVolumeError } from "../pool/catalog.js";
import type { PartnerPlace, Superblock } from "../pool/store/superblock.js";
import { quote } from "../text.js";
import { SeenOwner } from "./seen-owner.js";
import { type OpenedVolume, type SharedVolume, sharedVolume, VolumeUse } from "./shared-volume.js";
import { WantedHere, type WantedHereOf } from "./wanted-here.js";
import { Yielding, type YieldingOf } from "./yielding.js";

/** What is under way when a pool is handed over: what has not ended then is asked of the next owner again. */
const DRAIN_MS = 1_000;
const SETTLE_MS = 10_000;
const AGAIN_MS = 50;
const AGAIN_MOST_MS = 1_000;
/** A pool that did not go is not asked to at each look. */
const CLOSE_MS = 5_000;

export interface SeatOf
	extends Pick<YieldingOf, "shown" | "handOver" | "warn">,
		Pick<WantedHereOf, "askFor"> {
	/** Throws an OperatorError; one of another host's is a `HeldElsewhere`. */
	readonly openHere: (volume: string) => Promise<OpenedVolume>;
	/** As the host serves it that is there. Throws an OperatorError. */
	readonly openThere: (volume: string, session: string, signal: AbortSignal) => Promise<OpenedVolume>;
	/** Those who use it by other hosts are cut off, and refused until it is said that they may again. */
	readonly serveOthers: (mayServe: boolean) => void;
	/** Those who use that volume by other hosts are cut off: what has not begun is not carried out. They come again. */
	readonly cutOff: (volume: string) => void;
	/** A volume is another disk than it was: who is served by it here is to be cut off, and it is opened anew. */
	readonly replaced: (volume: string) => void;
	readonly identifier: (byteLength: number) => string;
	readonly clock?: Clock;
}

type Place = "here" | "there" | "moving";

export class Seat {
	readonly #of: SeatOf;
	readonly #clock: Clock;
	readonly #volumes = new Map<string, Promise<SharedVolume>>();
	/** Those that are open. */
	readonly #ready = new Set<SharedVolume>();
	readonly #yielding: Yielding;
	readonly #wanted: WantedHere;
	#place: Place = "there";
	/** One more each time that the pool has gone from one host to another, as far as that is seen here. */
	#turn = 0;
	/** How often it has gone from here. */
	#losses = 0;
	readonly #owner = new SeenOwner();
	/** Ends what is being opened elsewhere. */
	#leaving = new AbortController();
	#isEnded = false;

	constructor(of: SeatOf) {
		this.#of = of;
		this.#clock = of.clock ?? systemClock;
		const clock = this.#clock;
		this.#yielding = new Yielding({ ...of, clock, isHere: () => this.isHere });
		this.#wanted = new WantedHere({ ...of, clock, isThere: () => this.#place === "there" });
	}

	get isHere(): boolean {
		return this.#place === "here";
	}

	/** It is being handed over. */
	get isMoving(): boolean {
		return this.#place === "moving";
	}

	/** Where the host is that has it; undefined: not known, or it serves nobody else. */
	get at(): PartnerPlace | undefined {
		return this.#owner.at;
	}

	#partner(volume: SharedVolume): Partner {
		const { name } = this.#owner;
		const isHere = (): boolean => this.isHere && volume.turn === this.#turn;
		// (While the pool is here and the volume is not, what is reserved of it is not known yet.)
		if (this.isMoving || isHere()) return { name, hasIt: false, settle: () => this.#settle(volume) };
		return { name, hasIt: true, bring: () => this.#wanted.want(volume, isHere) };
	}

	/** (While nothing more begins: else something always is under way. Not for so long that what waits would fail.) */
	async #settle({ name, device }: SharedVolume): Promise<void> {
		this.#of.cutOff(name);
		for (let isDone = false; !isDone && this.#place !== "there" && !device.isClosed; ) {
			if (this.isHere) device.hold();
			isDone = await device.drained(SETTLE_MS);
			if (this.isHere) device.resume();
		}
	}

	/** Nothing of it is open here. */
	get isUnused(): boolean {
		return this.#volumes.size === 0;
	}

	/** For a disk of this host, or for another host, which calls itself so. Throws an OperatorError. */
	async use(name: string, host?: string): Promise<OpenedVolume> {
		const volume = await this.#volume(name);
		// (Whoever had it may have left it in the meantime.)
		if (volume.device.isClosed) return this.use(name, host);
		const isOwn = host === undefined;
		if (isOwn && [...volume.uses].some((use) => use.isOwn))
			throw new OperatorError(`volume ${quote(name)}: is in use already`);
		const asked = () => this.#yielding.asked(host);
		const use = new VolumeUse(volume, isOwn, asked, (use) => this.#leave(volume, use));
		volume.uses.add(use);
		return { device: use, identity: volume.identity };
	}

	async #volume(name: string): Promise<SharedVolume> {
		const there = this.#volumes.get(name) ?? this.#open(name);
		this.#volumes.set(name, there);
		try {
			return await there;
		} catch (error) {
			if (this.#volumes.get(name) === there) this.#volumes.delete(name);
			throw error;
		}
	}

	async #open(name: string): Promise<SharedVolume> {
		const losses = this.#losses;
		const { opened, isHere } = await this.#openSomewhere(name);
		// (The pool may have come here by this.)
		const turn = isHere === this.isHere && losses === this.#losses ? this.#turn : Number.NaN;
		const partner = (): Partner => this.#partner(volume);
		const volume: SharedVolume = sharedVolume(name, opened, { isHere, turn, partner }, this.#clock);
		volume.device.listen({ replaced: () => this.#replaced(volume) });
		this.#ready.add(volume);
		void this.#follow(volume);
		return volume;
	}

	/** (Of the owner that was seen last it is known where he is, not whether he is.) */
	async #openSomewhere(name: string): Promise<{ readonly opened: OpenedVolume; readonly isHere: boolean }> {
		const { signal } = this.#leaving;
		if (!this.isHere && this.at !== undefined)
			try {
				return { opened: await this.#openThere(name, signal), isHere: false };
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
			}
		try {
			return { opened: await this.#of.openHere(name), isHere: true };
		} catch (error) {
			// (By trying it was seen who has it.)
			if (this.isHere || this.at === undefined || !(error instanceof OperatorError)) throw error;
			return { opened: await this.#openThere(name, signal), isHere: false };
		}
	}

	#openThere(name: string, signal: AbortSignal): Promise<OpenedVolume> {
		return this.#of.openThere(name, this.#of.identifier(16), signal);
	}

	async #leave(volume: SharedVolume, use: VolumeUse): Promise<void> {
		volume.uses.delete(use);
		if (volume.uses.size > 0) return;
		this.#volumes.delete(volume.name);
		this.#ready.delete(volume);
		await volume.device.close();
	}

	/** What is there of somebody else's: to be told whenever it was read. Whether something was given up that clients here may know. */
	saw(superblock: Superblock): { readonly isLoss: boolean } {
		return this.#place === "there" ? this.#owner.saw(superblock) : { isLoss: false };
	}

	/** The pool is open here. */
	cameHere(): void {
		this.#place = "here";
		this.#moved();
		this.#of.serveOthers(true);
		this.#yielding.begin();
	}

	/** Somebody else has it. Whatever was answered here is in what he has. */
	wentThere(superblock: Superblock | null): void {
		this.#yielding.end();
		this.#of.serveOthers(false);
		this.#place = "there";
		this.#losses++;
		this.#owner.is(superblock);
		this.#moved();
	}

	/** It is nobody's: nothing of it was open. */
	closedHere(): void {
		if (this.#place === "there") return;
		this.#yielding.end();
		this.#of.serveOthers(false);
		this.#place = "there";
		this.#owner.is(null);
	}

	/** What is open of it goes where the pool is now. */
	#moved(): void {
		this.#turn++;
		this.#leaving.abort(new OperatorError(`${this.#of.shown}: has gone elsewhere meanwhile`));
		this.#leaving = new AbortController();
		for (const volume of this.#ready) void this.#follow(volume);
	}

	async #follow(volume: SharedVolume): Promise<void> {
		if (volume.turn === this.#turn) return;
		// (In this turn: what ends because of it is not answered, but asked again.)
		const left = volume.device.leave(this.isHere ? 0 : CLOSE_MS);
		if (volume.isMoving) return;
		volume.isMoving = true;
		await left;
		for (let pauseMs = AGAIN_MS; volume.turn !== this.#turn && this.#isUsed(volume); ) {
			const turn = this.#turn;
			const { isHere } = this;
			try {
				const open = isHere
					? this.#of.openHere(volume.name)
					: this.#openThere(volume.name, this.#leaving.signal);
				const { device, identity } = await open;
				const isAnother = identity.serial !== volume.identity.serial;
				if (isAnother || turn !== this.#turn || !this.#isUsed(volume)) {
					await device.close(0);
					if (isAnother) return this.#replaced(volume);
					continue;
				}
				volume.turn = turn;
				volume.device.enter(device, isHere);
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
				if (turn !== this.#turn) continue;
				if (error instanceof NoVolumeError) return this.#replaced(volume);
				await pause(this.#clock, pauseMs, this.#leaving.signal).catch(() => {});
				pauseMs = Math.min(AGAIN_MOST_MS, 2 * pauseMs);
			}
		}
		volume.isMoving = false;
	}

	/** It went back to a snapshot, is a new one of that name, or is none any more, by what was done while it was out of reach from here. */
	#replaced(volume: SharedVolume): void {
		volume.isMoving = false;
		if (this.#isUsed(volume)) this.#of.replaced(volume.name);
	}

	#isUsed(volume: SharedVolume): boolean {
		return !this.#isEnded && !volume.device.isClosed;
	}

	/** Runs `act`, by which the pool may go to another host: nothing is under way then, and nobody is answered; if it has not, all goes on. */
	async handingOver<T>(act: () => Promise<T>): Promise<T> {
		if (!this.isHere) return act();
		this.#place = "moving";
		this.#of.serveOthers(false);
		const volumes = [...this.#ready];
		for (const { device } of volumes) device.hold();
		try {
			await Promise.all(volumes.map(({ device }) => device.drained(DRAIN_MS)));
			return await act();
		} finally {
			if (this.isMoving) this.#goesOn();
		}
	}

	#goesOn(): void {
		this.#place = "here";
		this.#of.serveOthers(true);
		this.#yielding.begin();
		for (const { device } of this.#ready) device.resume();
	}

	/** Another host has to have it, for what is not done for it. */
	wantedBy(host: string): void {
		this.#yielding.wantedBy(host);
	}

	/** Nothing of it is wanted any more. */
	end(): void {
		this.#isEnded = true;
		this.#wanted.end();
		this.#yielding.end();
		this.#of.serveOthers(false);
		this.#leaving.abort(new OperatorError(`${this.#of.shown}: is closed`));
	}
}
