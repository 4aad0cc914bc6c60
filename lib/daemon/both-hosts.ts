/**
 * The pools of a process that two hosts serve, each with this host's `Seat` at it, and with what hands its volumes on to the others. Made by `worker.ts`;
 * `store-pools.ts` tells what becomes of such a pool, and whoever opens disks has their volumes from here (`remote-files.ts`).
 */

import { GroupCommit } from "../block/group-commit.js";
import { layersOn } from "../block/stack.js";
import { ReadOnlyLayer } from "../compound/read-only.js";
import { invariant } from "../errors.js";
import { checkScratch, type OpenVolume, openVolume, scratchOn } from "../pool/openings.js";
import { fixedName, isOfPast, volumeIn } from "../pool/past.js";
import type { PartnerPlace, Superblock } from "../pool/store/superblock.js";
import { HeldElsewhere } from "../pool/store/takeover.js";
import { poolInStore, shownPoolPath } from "../spec/pool-path.js";
import type { BothWorld } from "./both-world.js";
import { askForPool, openAtPartner } from "./partner-line.js";
import { PartnerServer } from "./partner-server.js";
import { Seat } from "./seat.js";
import type { OpenedVolume } from "./shared-volume.js";
import { identifier } from "./store-keepers.js";

const KEY_BYTES = 32;
const ID_BYTES = 16;
const WHOLE = { offsetSectors: 0, lengthSectors: undefined, durability: "flush" } as const;
/** One that nothing is on, and nobody tries to have, is given up: its address may be wanted by another one. */
const UNUSED_MS = 60_000;

interface Seated {
	readonly seat: Seat;
	/** Undefined until it is known where this host is to be reached. */
	server: PartnerServer | undefined;
	at: PartnerPlace | undefined;
	usedMs: number;
	/** It was had here by giving something up. */
	hasGivenUp: boolean;
}

export class BothHosts {
	/** What this host is called towards the others: of this life of the process. */
	readonly id = identifier(ID_BYTES);
	readonly #seats = new Map<string, Seated>();
	#world: (BothWorld & { readonly commits: GroupCommit }) | undefined;
	#timer: NodeJS.Timeout | undefined;

	/** Before anything else. */
	begin(world: BothWorld): void {
		this.#world = { ...world, commits: new GroupCommit(world.home.pump) };
	}

	get #begun(): BothWorld & { readonly commits: GroupCommit } {
		invariant(this.#world !== undefined, "no pools yet");
		return this.#world;
	}

	/** Where this host is, for the superblock; `listen`: as configured. */
	offer(path: string, listen: string): PartnerPlace {
		const seated = this.#seated(path);
		seated.at ??= { address: listen, key: identifier(KEY_BYTES) };
		const { at } = seated;
		const { home, tls, log } = this.#begun;
		seated.server ??= new PartnerServer({
			...{ at, tls, log, pump: home.pump, shown: shownPoolPath(path) },
			open: (volume, host) => seated.seat.use(volume, host),
			wanted: (host) => seated.seat.wantedBy(host),
		});
		return at;
	}

	#seated(path: string): Seated {
		const there = this.#seats.get(path) ?? this.#sit(path);
		this.#seats.set(path, there);
		there.usedMs = performance.now();
		this.#timer ??= setInterval(() => this.#giveUpUnused(), UNUSED_MS).unref();
		return there;
	}

	#sit(path: string): Seated {
		this.#giveUpUnused(poolInStore(path)?.name);
		const { log, handOver, replaced } = this.#begun;
		const seat: Seat = new Seat({
			shown: shownPoolPath(path),
			openHere: (volume) => this.#openHere(path, volume),
			openThere: (volume, session, signal) => this.#openThere(seat, volume, session, signal),
			askFor: (signal) => this.#askFor(path, seat, signal),
			handOver: (to) => handOver(path, to),
			serveOthers: (mayServe) => this.#seats.get(path)?.server?.serve(mayServe),
			cutOff: (volume) => this.#seats.get(path)?.server?.cutOff(volume),
			replaced: (volume) => replaced(path, volumeIn(volume)),
			warn: (message) => log.warn(message),
			identifier,
		});
		return { seat, server: undefined, at: undefined, usedMs: 0, hasGivenUp: false };
	}

	async #openHere(path: string, volume: string): Promise<OpenedVolume> {
		const { home } = this.#begun;
		const readOnly = isOfPast(volume);
		try {
			return await openVolume(home, path, volume, { ...WHOLE, readOnly });
		} catch (error) {
			if (error instanceof HeldElsewhere) this.saw(path, error.superblock);
			throw error;
		}
	}

	#openThere(seat: Seat, volume: string, session: string, signal: AbortSignal): Promise<OpenedVolume> {
		const { home, tls, commits } = this.#begun;
		return openAtPartner({
			...{ pump: home.pump, tls, commits, volume, session, signal, host: this.id },
			at: () => seat.at,
		});
	}

	/** (Who hands it over asks who waits for it: this host does then.) */
	async #askFor(path: string, seat: Seat, signal: AbortSignal): Promise<void> {
		const { home, tls, want } = this.#begun;
		await want(path);
		if (seat.isHere) return;
		await askForPool({ ...{ pump: home.pump, tls, signal, host: this.id }, at: () => seat.at });
	}

	/** As `openVolume` of pools, for a disk of this host. */
	readonly openVolume: OpenVolume = async (_home, path, name, options) => {
		const { scratch = false, readOnly } = options;
		if (scratch) checkScratch(name);
		// (A moment that is counted from now stays the same, whichever host it is asked of.)
		const fixed = isOfPast(name) ? fixedName(name, Date.now() * 1000) : name;
		const { device, identity } = await this.#seated(path).seat.use(fixed);
		const shown = readOnly && !device.info.readOnly ? new ReadOnlyLayer(device) : device;
		const layers = layersOn(shown, name, options, this.#begun.commits);
		return scratch ? scratchOn(layers) : { device: layers, identity };
	};

	/** The pool is open here. */
	opened(path: string): void {
		if (poolInStore(path)?.isShared !== true) return;
		const seated = this.#seated(path);
		seated.seat.cameHere();
		if (!seated.hasGivenUp) return;
		seated.hasGivenUp = false;
		this.#begun.gaveUp(path, "what another host had acknowledged was given up");
	}

	/** It was had by giving something up: who is served by now is to be cut off as soon as it is open. */
	gaveUp(path: string): void {
		const seated = this.#seats.get(path);
		if (seated !== undefined) seated.hasGivenUp = !seated.seat.isUnused;
	}

	/** What is in the superblock of one that another host has. */
	saw(path: string, superblock: Superblock): void {
		const seated = this.#seated(path);
		if (seated.seat.saw(superblock).isLoss)
			this.#begun.gaveUp(path, `${superblock.owner.name} has it, and has given up what was acknowledged`);
	}

	/** The pool is had in another way from now on, at that path: nobody uses it by this host any more as it was. */
	leaveOthers(path: string): void {
		const name = poolInStore(path)?.name;
		for (const [other, seated] of this.#seats) {
			if (other === path || poolInStore(other)?.name !== name) continue;
			seated.server?.close();
			seated.server = undefined;
		}
	}

	/** Another host has it from now on. True: it was handed over, and its disks go on by that one. */
	lost(path: string, superblock: Superblock | null): boolean {
		const seat = this.#seats.get(path)?.seat;
		if (seat === undefined) return false;
		const isHandedOver = seat.isMoving;
		seat.wentThere(superblock);
		return isHandedOver;
	}

	/** It is closed here, and nobody's. */
	closed(path: string): void {
		this.#seats.get(path)?.seat.closedHere();
	}

	/** Runs that by which it may go to another host. */
	async around<T>(path: string, act: () => Promise<T>): Promise<T> {
		const seat = this.#seats.get(path)?.seat;
		return seat === undefined ? act() : seat.handingOver(act);
	}

	/** `name`: of a pool, of which there is another one now. */
	#giveUpUnused(name?: string): void {
		for (const [path, { seat, server, usedMs }] of this.#seats) {
			const isOld = performance.now() - usedMs > UNUSED_MS;
			if (!seat.isUnused || seat.isHere || !(isOld || poolInStore(path)?.name === name)) continue;
			seat.end();
			server?.close();
			this.#seats.delete(path);
		}
	}
}
