/**
 * Config responses that nobody asked for: they tell initiators that a blade is there, or has another size, and on which
 * link, with which frame size and MAC address it is reached now. Used by `AoeTarget`; sends through a `SpreadSender`.
 */

import { ALL_PEERS, type Link } from "../link/link.js";
import { MAC_BROADCAST } from "../wire/ethernet.js";
import type { Blade } from "./blade.js";
import { ConfigCommand, configFacts, writeConfig } from "./config.js";
import { frameView } from "./frame-limits.js";
import { AoeCommand, AoeFlag, padFrame, writeHeader } from "./header.js";
import type { SpreadSender } from "./spread-sender.js";

/** Whom to tell of a blade. */
interface Advertisement {
	readonly blade: Blade;
	readonly destination: number;
}

export class Advertiser {
	constructor(
		readonly link: Link,
		readonly spread: SpreadSender,
		readonly firmwareVersion: number,
		/** False for a blade that another host serves: to advertise it would bring us its initiators. */
		readonly isServed: (blade: Blade) => boolean,
	) {}

	/** Advertises `blades`, now or as soon as there are rooms. On a link that is down nothing is sent. */
	advertise(blades: Iterable<Blade>): void {
		if (!this.link.up) return;
		this.spread.add(audience(blades), (advertisement) => this.#send(advertisement));
	}

	#send({ blade, destination }: Advertisement): boolean {
		const { link } = this;
		if (!this.isServed(blade) || blade.isQuiet) return true;
		const room = link.acquire();
		if (room === undefined) return false;
		const frame = frameView(link, room);
		writeHeader(frame, 0, {
			destination,
			source: link.mac,
			flags: AoeFlag.response,
			shelf: blade.shelf,
			slot: blade.slot,
			command: AoeCommand.config,
			tag: 0,
		});
		const frameBytes = writeConfig(frame, ConfigCommand.read, blade, configFacts(link, this.firmwareVersion));
		link.transmit(room, padFrame(frame, 0, frameBytes), ALL_PEERS);
		return true;
	}
}

/** A blade with a MAC mask is nobody else's business: its advertisements go to those in the mask. */
function* audience(blades: Iterable<Blade>): Generator<Advertisement> {
	for (const blade of blades) {
		const { mask, isMasked } = blade.access;
		const destinations = isMasked ? mask : [MAC_BROADCAST];
		for (const destination of destinations) yield { blade, destination };
	}
}
