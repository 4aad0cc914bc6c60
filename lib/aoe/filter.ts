/**
 * Which frames an AoE target wants to see, as a program for the kernel: whatever else is on the wire then costs us nothing,
 * and a host with other blades on its shelves does not wake us. Made by the target and handed to `Link.setFilter`. The
 * target checks everything again: not every link has such a filter.
 */

import { BPF_KEEP_ALL, BpfAncillary, BpfProgram, PacketType } from "../link/bpf.js";
import type { BpfInstruction } from "../link/link.js";
import { ETHERTYPE_AOE, ethType } from "../wire/ethernet.js";
import { AoeCommand, AoeFlag, aoeCommand, aoeShelf, aoeVersionFlags } from "./header.js";
import { addressOf, SHELF_ALL, SLOT_ALL } from "./registry.js";

/** With more shelves than this all are let in: a long chain of comparisons costs every frame. */
export const FILTER_SHELVES_MAX = 64;
/** The first 24 bits of the word that begins with the shelf: shelf and slot. */
const ADDRESS_BITS = 0xffffff00;

/** EtherTypes before a VLAN tag that is still part of the frame (IEEE 802.1Q), and the tag's bytes. */
const ETHERTYPE_VLAN = 0x8100;
const ETHERTYPE_VLAN_SERVICE = 0x88a8;
const VLAN_TAG_BYTES = 4;

/**
 * Lets in AoE frames without a VLAN tag, to this host or to all, for one of `shelves` or every shelf: requests, and those
 * responses that tell of another target (config).
 * @param addresses where other processes serve on the same link: those of this one (`addressOf`), or all slots of a shelf. What is
 * for another process does not wake this one then, as long as these are not more than there may be shelves
 */
export function aoeFilter(shelves: ReadonlySet<number>, addresses?: ReadonlySet<number>): BpfInstruction[] {
	const program = incoming()
		.ifSet(AoeFlag.response, { no: "shelf" })
		.loadByte(aoeCommand.offset)
		.ifEqual(AoeCommand.config, { no: "drop" })
		.label("shelf");
	if (addresses !== undefined && isFew(addresses, shelves)) {
		program.loadHalf(aoeShelf.offset).ifEqual(SHELF_ALL, { yes: "keep" });
		program.loadWord(aoeShelf.offset).and(ADDRESS_BITS);
		const broadcasts = [...shelves].map((shelf) => addressOf(shelf, SLOT_ALL));
		for (const address of [...addresses, ...broadcasts])
			program.ifEqual((address << 8) >>> 0, { yes: "keep" });
		program.return(0);
	} else if (shelves.size <= FILTER_SHELVES_MAX) {
		program.loadHalf(aoeShelf.offset);
		for (const shelf of shelves) program.ifEqual(shelf, { yes: "keep" });
		program.ifEqual(SHELF_ALL, { no: "drop" });
	}
	return program.label("keep").return(BPF_KEEP_ALL).label("drop").return(0).assemble();
}

function isFew(addresses: ReadonlySet<number>, shelves: ReadonlySet<number>): boolean {
	return addresses.size + shelves.size <= FILTER_SHELVES_MAX;
}

interface Place {
	readonly shelf: number;
	readonly slot: number;
}

/** The filter of one target: what is served there, or asked for. */
export class TargetFilter {
	/** It would be another one by now. */
	isOld = false;
	#shelves = new Set<number>();
	#isByAddress = false;

	/** `isShared`: others serve on the same link. */
	constructor(readonly isShared: boolean) {}

	/** A blade is asked for. Thousands are on a few shelves, and then it is only these that count. */
	want({ shelf }: Place): void {
		this.isOld ||= this.#isByAddress || !this.#shelves.has(shelf);
	}

	/** For all these. */
	make(blades: Iterable<Place>): BpfInstruction[] {
		this.isOld = false;
		this.#shelves = new Set();
		const addresses = new Set<number>();
		for (const { shelf, slot } of blades) {
			this.#shelves.add(shelf);
			if (this.isShared) addresses.add(addressOf(shelf, slot));
		}
		this.#isByAddress = this.isShared && isFew(addresses, this.#shelves);
		return aoeFilter(this.#shelves, this.isShared ? addresses : undefined);
	}
}

/** What the initiator of one disk wants to see: answers to this host, and what a target says of that disk to all. */
export function answerFilter(address: number): BpfInstruction[] {
	return incoming()
		.ifSet(AoeFlag.response, { no: "drop" })
		.loadWord(aoeShelf.offset)
		.and(ADDRESS_BITS)
		.ifEqual((address << 8) >>> 0, { no: "drop" })
		.return(BPF_KEEP_ALL)
		.label("drop")
		.return(0)
		.assemble();
}

/** Lets in every AoE frame, whoever it is to, with a VLAN tag or without: for a look at what passes. */
export function anyAoeFilter(): BpfInstruction[] {
	return new BpfProgram()
		.loadHalf(ethType.offset)
		.ifEqual(ETHERTYPE_AOE, { yes: "keep" })
		.ifEqual(ETHERTYPE_VLAN, { yes: "tagged" })
		.ifEqual(ETHERTYPE_VLAN_SERVICE, { no: "drop" })
		.label("tagged")
		.loadHalf(ethType.offset + VLAN_TAG_BYTES)
		.ifEqual(ETHERTYPE_AOE, { no: "drop" })
		.label("keep")
		.return(BPF_KEEP_ALL)
		.label("drop")
		.return(0)
		.assemble();
}

/** What all filters begin with: only AoE, untagged, for this host or for all; its flags are loaded. Goes to "drop" with all else. */
function incoming(): BpfProgram {
	return new BpfProgram()
		.loadWord(BpfAncillary.vlanTagPresent)
		.ifEqual(0, { no: "drop" })
		.loadWord(BpfAncillary.packetType)
		.ifEqual(PacketType.host, { yes: "type" })
		.ifEqual(PacketType.broadcast, { no: "drop" })
		.label("type")
		.loadHalf(ethType.offset)
		.ifEqual(ETHERTYPE_AOE, { no: "drop" })
		.loadByte(aoeVersionFlags.offset);
}
