/**
 * Targets that have a disk in the place of the one that has served it, as hosts with one pool do: who tells all that he serves the address is asked what disk
 * he has, and whether it came to him by a later epoch. Then nothing that the one before is still asked for, or has under way, changes the disk any more, and
 * nobody has to wait until late frames are lost. Kept by `far-disk.ts`.
 */

import { Opcode } from "../ata/opcodes.js";
import { ALL_PEERS } from "../link/link.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import { InitiatorError } from "./errors.js";
import { isImpostor, type KnownTarget } from "./far-search.js";
import { type DiskIdentity, readIdentity } from "./identify.js";
import type { Initiator } from "./initiator.js";
import { ataQuery, configQuery, type FoundBlade } from "./query.js";
import type { Route } from "./request.js";
import { RoundTrip } from "./round-trip.js";

/** Asked at once; anybody on a link can tell that he serves. */
const ASKED_MAX = 4;

/** What IDENTIFY says there. Rejects with an InitiatorError. */
export async function identifyAt(initiator: Initiator, route: Route, name: string): Promise<DiskIdentity> {
	const dataIn = new Uint8Array(SECTOR_BYTES);
	const what = `${name}: IDENTIFY`;
	await initiator.ask(route, ataQuery({ command: Opcode.identifyDevice, count: 1, dataIn, what }));
	return readIdentity(dataIn);
}

export interface HeirsOf {
	readonly initiator: Initiator;
	/** What messages call the disk. */
	readonly name: string;
	readonly shelf: number;
	readonly slot: number;
	/** Who has served it; null: nobody is known. */
	readonly known: () => KnownTarget | null;
	readonly found: (heir: Heir) => void;
}

export interface Heir {
	readonly blade: FoundBlade;
	readonly target: KnownTarget;
}

export class Heirs {
	readonly #of: HeirsOf;
	/** MAC addresses of those that are asked just now. */
	readonly #asked = new Set<number>();

	constructor(of: HeirsOf) {
		this.#of = of;
	}

	/** A target tells that it serves the address. */
	announced(mac: number): void {
		const known = this.#of.known();
		const isStranger = known !== null && known.epoch !== null && known.mac !== mac;
		if (!isStranger || this.#asked.has(mac) || this.#asked.size >= ASKED_MAX) return;
		this.#asked.add(mac);
		void this.#ask(mac).finally(() => this.#asked.delete(mac));
	}

	async #ask(mac: number): Promise<void> {
		const { initiator, name, shelf, slot } = this.#of;
		const route = { shelf, slot, mac, peer: ALL_PEERS, roundTrip: new RoundTrip() };
		try {
			const blade = await initiator.ask(route, { ...configQuery, what: `${name}: config query` });
			const identity = await identifyAt(initiator, { ...route, peer: blade.peer }, name);
			const target = { mac, ...sizeOf(identity) };
			if (succeeds(target, this.#of.known())) this.#of.found({ blade, target });
		} catch (error) {
			if (!(error instanceof InitiatorError)) throw error;
		}
	}
}

/** What a disk is told from another one by. */
export function sizeOf({
	sectorCount,
	serial,
	epoch,
}: DiskIdentity): Pick<KnownTarget, "sizeBytes" | "serial" | "epoch"> {
	return { sizeBytes: sectorCount * SECTOR_BYTES, serial, epoch };
}

/** The disk has come to `found` from the one who is known. */
export function succeeds(found: KnownTarget, known: KnownTarget | null): boolean {
	if (known === null || known.mac === found.mac || isImpostor(found, known)) return false;
	return known.epoch !== null && found.epoch !== null && found.epoch > known.epoch;
}
