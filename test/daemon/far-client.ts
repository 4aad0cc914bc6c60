/**
 * An initiator at the far end of a cable (`test/link/cable.ts`), always with the same MAC address: what it sets on a blade, and disks that
 * it keeps busy. For tests of the daemon on interfaces.
 */

import {
	CONFIG_HEADER_BYTES,
	ConfigCommand,
	configLength,
	configVersionCommand,
} from "../../lib/aoe/config.js";
import { AoeCommand } from "../../lib/aoe/header.js";
import {
	MASK_ENTRY_BYTES,
	MASK_HEADER_BYTES,
	MaskCommand,
	MaskDirective,
	maskCommand,
	maskCount,
	maskEntryDirective,
	maskEntryMac,
} from "../../lib/aoe/mask.js";
import { SHELF_ALL, SLOT_ALL } from "../../lib/aoe/registry.js";
import {
	RESERVE_ENTRY_BYTES,
	RESERVE_HEADER_BYTES,
	ReserveCommand,
	reserveCommand,
	reserveCount,
	reserveEntryMac,
} from "../../lib/aoe/reserve.js";
import { Initiator } from "../../lib/client/initiator.js";
import { configQuery, type FoundBlade, type Query } from "../../lib/client/query.js";
import type { RemoteDisk } from "../../lib/client/remote-disk.js";
import { RoundTrip } from "../../lib/client/round-trip.js";
import { ALL_PEERS } from "../../lib/link/link.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { MAC_BROADCAST } from "../../lib/wire/ethernet.js";
import type { Field8, FieldMac } from "../../lib/wire/fields.js";
import { formatMac } from "../../lib/wire/mac.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { pause, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

/** For an answer too many. */
const QUIET_MS = 100;

const routeTo = (blade: FoundBlade) => ({ ...blade, roundTrip: new RoundTrip() });

export class FarClient {
	readonly link: PacketLink;
	readonly initiator: Initiator;

	constructor(netif = "far") {
		this.link = new PacketLink(netif, new Pump(), { framesInFlight: 256 });
		this.initiator = new Initiator(this.link, { deadlineMs: LIMIT_MS });
	}

	open(shelf: number, slot: number): Promise<RemoteDisk> {
		return this.initiator.open(shelf, slot);
	}

	/** Has the blade to itself, by mask and by reservation, and leaves a string there. */
	async claim(disk: RemoteDisk, text: string): Promise<void> {
		const { mac } = this.link;
		const { blade } = disk;
		await this.#ask(blade, AoeCommand.config, CONFIG_HEADER_BYTES + text.length, (bytes, at) => {
			configQuery.encode(bytes, at);
			configVersionCommand.set(bytes, at, ConfigCommand.forceSet);
			configLength.set(bytes, at, text.length);
			bytes.set(Buffer.from(text, "latin1"), at + CONFIG_HEADER_BYTES);
		});
		await this.#ask(blade, AoeCommand.mask, MASK_HEADER_BYTES + MASK_ENTRY_BYTES, (bytes, at) => {
			maskCommand.set(bytes, at, MaskCommand.edit);
			maskCount.set(bytes, at, 1);
			maskEntryDirective.set(bytes, at + MASK_HEADER_BYTES, MaskDirective.add);
			maskEntryMac.set(bytes, at + MASK_HEADER_BYTES, mac);
		});
		await this.reserve(disk);
	}

	/** By reservation alone: others are told so. */
	reserve({ blade }: RemoteDisk): Promise<void> {
		const { mac } = this.link;
		return this.#ask(blade, AoeCommand.reserve, RESERVE_HEADER_BYTES + RESERVE_ENTRY_BYTES, (bytes, at) => {
			reserveCommand.set(bytes, at, ReserveCommand.set);
			reserveCount.set(bytes, at, 1);
			reserveEntryMac.set(bytes, at + RESERVE_HEADER_BYTES, mac);
		});
	}

	/** Nobody has it any more. */
	release({ blade }: RemoteDisk): Promise<void> {
		return this.#ask(blade, AoeCommand.reserve, RESERVE_HEADER_BYTES, (bytes, at) => {
			reserveCommand.set(bytes, at, ReserveCommand.set);
			reserveCount.set(bytes, at, 0);
		});
	}

	/** What is set on the blade, as it says itself. */
	async asSet({ blade }: RemoteDisk): Promise<{ mask: string[]; reserved: string[]; configString: string }> {
		const { configString } = await this.initiator.ask(routeTo(blade), configQuery);
		const listed =
			(count: Field8, first: number, entry: number, mac: FieldMac): Query<string[]>["decode"] =>
			(bytes, at) =>
				Array.from({ length: count.get(bytes, at) }, (_, i) =>
					formatMac(mac.get(bytes, at + first + i * entry)),
				);
		const mask = await this.#ask(
			blade,
			AoeCommand.mask,
			MASK_HEADER_BYTES,
			(bytes, at) => {
				maskCommand.set(bytes, at, MaskCommand.read);
				maskCount.set(bytes, at, 0);
			},
			listed(maskCount, MASK_HEADER_BYTES, MASK_ENTRY_BYTES, maskEntryMac),
		);
		const reserved = await this.#ask(
			blade,
			AoeCommand.reserve,
			RESERVE_HEADER_BYTES,
			(bytes, at) => {
				reserveCommand.set(bytes, at, ReserveCommand.read);
				reserveCount.set(bytes, at, 0);
			},
			listed(reserveCount, RESERVE_HEADER_BYTES, RESERVE_ENTRY_BYTES, reserveEntryMac),
		);
		return { mask: mask.sort(), reserved, configString: Buffer.from(configString).toString("latin1") };
	}

	#ask<T = void>(
		blade: FoundBlade,
		command: AoeCommand,
		frameBytes: number,
		encode: Query<T>["encode"],
		decode: Query<T>["decode"] = () => undefined as T,
	): Promise<T> {
		return this.initiator.ask(routeTo(blade), {
			command,
			what: `AoE command ${command}`,
			frameBytes,
			encode,
			decode,
		});
	}

	/** Waits until each frame that was ever sent has been answered, and a moment more. Throws if one is answered twice. */
	async allAnswered(): Promise<void> {
		const { stats } = this.initiator;
		const missing = (): number => stats.requests + stats.retransmissions - stats.answers - stats.strays;
		await until("an answer to each frame", () => missing() <= 0, LIMIT_MS);
		await pause(QUIET_MS);
		if (missing() < 0) throw new Error(`${-missing()} answers too many`);
	}

	/** How many answers there are to one query to all: `count` are waited for, and a moment more. */
	async countAnswers(count: number): Promise<number> {
		let come = 0;
		const all = { shelf: SHELF_ALL, slot: SLOT_ALL, mac: MAC_BROADCAST, peer: ALL_PEERS };
		const tag = this.initiator.send({ ...all, roundTrip: new RoundTrip() }, configQuery, () => {
			come += 1;
		});
		await until(`${count} answers`, () => come >= count, LIMIT_MS);
		await pause(QUIET_MS);
		this.initiator.forget(tag);
		return come;
	}

	close(): Promise<void> {
		this.initiator.close();
		return this.link.close();
	}
}

/** Disks that are written and read all the time. */
export class Load {
	#isOver = false;
	readonly #all: Promise<unknown>;
	readonly #rounds: number[];

	constructor(disks: readonly RemoteDisk[]) {
		this.#rounds = disks.map(() => 0);
		this.#all = Promise.all(disks.map((disk, i) => this.#keepBusy(disk, i)));
		// Told to whoever stops it.
		this.#all.catch(() => {});
	}

	/** Resolves when each disk has had so many more. */
	async rounds(more: number): Promise<void> {
		const goals = this.#rounds.map((round) => round + more);
		const isThere = () => this.#rounds.every((round, i) => round >= (goals[i] ?? 0));
		await Promise.race([until("rounds", isThere, LIMIT_MS), this.#all]);
	}

	/** How often each disk was written and read. Rejects if anything of it failed. */
	async stop(): Promise<number[]> {
		this.#isOver = true;
		await this.#all;
		return this.#rounds;
	}

	async #keepBusy(disk: RemoteDisk, i: number): Promise<void> {
		const bytes = new Uint8Array(SECTOR_BYTES);
		for (let round = 1; !this.#isOver; round++) {
			bytes.fill(round);
			const lba = round % 64;
			await disk.write(lba, bytes);
			const read = await disk.read(lba, 1);
			if (!Buffer.from(read).equals(bytes))
				throw new Error(`${disk.name}: LBA ${lba} is not what was written`);
			this.#rounds[i] = round;
		}
	}
}
