/**
 * Follows one network interface: by its index while it lives, whatever it is called meanwhile; when it is gone, the next one
 * that has the name. Says once, in a line of the log, what has become of it. Used by the links on interfaces (`packet.ts`,
 * `pcap.ts`), which hear from here of every change and open their sockets anew where that is called for.
 *
 * Word comes from netlink; when some of it was lost, the kernel is asked, by another thread, since that may take a while.
 */

import {
	askInterface,
	type InterfaceInfo,
	interfaceInfo,
	interfaceMonitor,
	interfaceName,
} from "./interfaces.js";
import type { LinkLog, LinkOptions } from "./link.js";

/** When the kernel could not be asked, or what it said no longer holds, it is asked again after so long. */
const RETRY_MS = 500;

export interface FollowingOptions extends Pick<LinkOptions, "leastMtu" | "log"> {
	/** What the operator calls the link. */
	readonly linkName: string;
	readonly interfaceName: string;
	/** The interface has changed from `before` to `now`; undefined: there was, or is, none. */
	readonly changed: (now: InterfaceInfo | undefined, before: InterfaceInfo | undefined) => void;
}

export class FollowedInterface {
	readonly #options: FollowingOptions;
	readonly #log: LinkLog;
	readonly #unwatch: () => void;
	#info: InterfaceInfo | undefined;
	/** Changes of ours that have been heard of: an answer to a question that is older than one of them is not news. */
	#heard = 0;
	/** Index of another interface that has the name while ours has it no longer; 0: there is none. */
	#namesake = 0;
	#retry: NodeJS.Timeout | undefined;
	#closed = false;

	/** `info` is undefined if there is no such interface yet. Throws a NativeError or an OperatorError if the kernel can't be asked. */
	constructor(options: FollowingOptions) {
		this.#options = options;
		this.#log = options.log ?? (() => {});
		// Watched before it is looked at, so that no change falls between the two.
		this.#unwatch = interfaceMonitor.watch((change) => this.#told(change));
		try {
			this.#info = interfaceInfo(options.interfaceName);
		} catch (error) {
			this.#unwatch();
			throw error;
		}
		if (this.#info !== undefined) this.#warn(this.#info, undefined);
	}

	/** What the interface is like; undefined while there is none. */
	get info(): InterfaceInfo | undefined {
		return this.#info;
	}

	/** For whoever looks: `up`, `down` or `gone`, and what else is worth knowing. */
	get status(): string {
		const info = this.#info;
		if (info === undefined) return "gone";
		const called = this.#hasName(info) ? "" : `, now called ${info.names[0]}`;
		const port = info.bridge === 0 ? "" : `, a port of the bridge ${bridgeName(info)}`;
		return `${info.up ? "up" : "down"}${called}${port}`;
	}

	/** Something about it does not hold any more: asks the kernel again after a while. */
	askLater(): void {
		clearTimeout(this.#retry);
		if (!this.#closed) this.#retry = setTimeout(() => this.#ask(), RETRY_MS);
	}

	close(): void {
		this.#closed = true;
		clearTimeout(this.#retry);
		this.#unwatch();
	}

	#hasName(info: InterfaceInfo): boolean {
		return info.names.includes(this.#options.interfaceName);
	}

	#told(change: InterfaceInfo | null): void {
		if (this.#closed) return;
		if (change === null) this.#ask();
		else if (this.#info === undefined) this.#maybeBack(change);
		else if (change.index !== this.#info.index) this.#lookAtOther(this.#info, change);
		else if (change.gone) this.#gone(change.moved);
		else this.#changed(change);
	}

	#changed(now: InterfaceInfo): void {
		const before = this.#info;
		if (before === undefined) return;
		this.#heard += 1;
		this.#info = now;
		const { linkName } = this.#options;
		const [hasName, hadName] = [this.#hasName(now), this.#hasName(before)];
		if (hasName && !hadName) this.#log(`${linkName}: has its name again`, "info");
		else if (!hasName && now.names[0] !== before.names[0])
			this.#log(`${linkName}: was renamed, now called ${now.names[0]}; served on`, "info");
		else if (!hasName && hadName)
			this.#log(`${linkName}: has lost this name, now called ${now.names[0]}; served on`, "info");
		if (hasName) this.#namesake = 0;
		if (now.up !== before.up) this.#log(`${linkName}: the link is ${now.up ? "up" : "down"}`, "info");
		this.#warn(now, before);
		this.#options.changed(now, before);
	}

	#gone(moved: boolean): void {
		const before = this.#info;
		this.#heard += 1;
		this.#info = undefined;
		this.#namesake = 0;
		const how = moved ? "was moved to another network namespace" : "was deleted";
		this.#log(`${this.#options.linkName}: the interface ${how}; waiting for one of this name`, "warn");
		this.#options.changed(undefined, before);
		// One that has the name may be there already.
		this.#ask();
	}

	#maybeBack(now: InterfaceInfo): void {
		if (now.gone || !this.#hasName(now)) return;
		this.#heard += 1;
		this.#info = now;
		const state = now.up ? "up" : "down";
		this.#log(`${this.#options.linkName}: there is an interface of this name again, ${state}`, "info");
		this.#warn(now, undefined);
		this.#options.changed(now, undefined);
	}

	/** Ours lives under another name, and there is one that has the name it had: ours is the one that was meant. */
	#lookAtOther(ours: InterfaceInfo, other: InterfaceInfo): void {
		const isNamesake = !other.gone && this.#hasName(other);
		if (this.#namesake === other.index && !isNamesake) this.#namesake = 0;
		if (!isNamesake || this.#namesake === other.index) return;
		this.#namesake = other.index;
		const { linkName } = this.#options;
		this.#log(`${linkName}: another interface has this name now; still served on ${ours.names[0]}`, "warn");
	}

	/** What makes an interface useless, though it is there and up; and that it no longer does. */
	#warn(now: InterfaceInfo, before: InterfaceInfo | undefined): void {
		const { linkName, leastMtu = 0 } = this.#options;
		if (now.bridge !== 0 && now.bridge !== before?.bridge) {
			const bridge = bridgeName(now);
			this.#log(
				`${linkName}: is a port of the bridge ${bridge}, so frames never arrive here; serve on ${bridge} instead`,
				"warn",
			);
		}
		if (now.mtu < leastMtu && now.mtu !== before?.mtu)
			this.#log(
				`${linkName}: an MTU of ${now.mtu} leaves no room for a sector; initiators need at least ${leastMtu}`,
				"warn",
			);
		else if (before !== undefined && now.mtu !== before.mtu)
			this.#log(`${linkName}: MTU is now ${now.mtu}`, "info");
	}

	/** Asks the kernel for ours, or for one of the name if there is none. */
	#ask(): void {
		clearTimeout(this.#retry);
		const heard = this.#heard;
		askInterface(this.#info?.index ?? this.#options.interfaceName).then(
			(found) => {
				if (this.#closed) return;
				// What has been heard of meanwhile is newer.
				if (heard !== this.#heard) return;
				if (this.#info === undefined) {
					if (found !== undefined) this.#maybeBack(found);
				} else if (found === undefined) {
					this.#gone(false);
				} else {
					this.#changed(found);
				}
			},
			() => this.askLater(),
		);
	}
}

/** True if what was opened on `before` does not fit `now`. */
export function needsNewSocket(now: InterfaceInfo, before: InterfaceInfo | undefined): boolean {
	return now.index !== before?.index || now.mtu !== before.mtu;
}

/** False for a macvlan in passthru mode: it takes all frames, and the kernel marks every one as for this host. */
export function isScreened(info: InterfaceInfo): boolean {
	return !info.isMacvlan;
}

/** True if whoever uses the link has to hear of it. A cable that was out and in again is news, too. */
export function isNews(now: InterfaceInfo | undefined, before: InterfaceInfo | undefined): boolean {
	if (now === undefined) return before !== undefined;
	return (
		needsNewSocket(now, before) ||
		now.mac !== before?.mac ||
		now.up !== before.up ||
		now.carriers !== before.carriers
	);
}

/** Gone already: then its ports will hear of it. */
function bridgeName(info: InterfaceInfo): string {
	return interfaceName(info.bridge) ?? "there";
}
