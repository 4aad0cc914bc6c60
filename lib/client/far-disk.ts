/**
 * A disk at the other end of a link as a `BlockDevice`: the initiator, found again and again, under the session that remote disks of NBD have, which keeps
 * what was not flushed, waits while the target is away, and holds what comes back against what was (`lib/nbd/remote/`). Opened by `lib/daemon/openers.ts`.
 */

import { answerFilter } from "../aoe/filter.js";
import { addressOf } from "../aoe/registry.js";
import { OperatorError } from "../errors.js";
import type { Link } from "../link/link.js";
import type { Connection } from "../nbd/remote/carrier.js";
import { NbdDevice, type RemoteOptions } from "../nbd/remote/device.js";
import { type Heir, Heirs, succeeds } from "./far-heirs.js";
import { type FarHome, FarLine } from "./far-line.js";
import { type KnownTarget, Search } from "./far-search.js";
import { Initiator, type InitiatorOptions } from "./initiator.js";
import type { FoundBlade } from "./query.js";

export interface FarOptions
	extends Omit<RemoteOptions, "connect" | "closed">,
		Pick<InitiatorOptions, "frameLifetimeMs"> {
	/** Its own from now on: it is closed with the disk, or when that can't be opened. */
	readonly link: Link;
	/** 0..65534 */
	readonly shelf: number;
	/** 0..254 */
	readonly slot: number;
}

/** Finds the disk, or throws an OperatorError that says why that can't be. */
export function openFarDisk(options: FarOptions): Promise<NbdDevice> {
	const far = new FarDisk(options);
	return NbdDevice.openOn({ ...options, connect: () => far.connect(), closed: () => far.close() });
}

class FarDisk implements FarHome {
	readonly initiator: Initiator;
	readonly name: string;
	/** Of whoever was here before, until something leaves. */
	lastSentMs: number;
	known: KnownTarget | null = null;
	readonly #options: FarOptions;
	#line: FarLine | null = null;
	#search: Search | null = null;
	readonly #heirs: Heirs;
	/** Who has the disk in the place of who has served it, and has not been asked for anything yet. */
	#heir: Heir | null = null;
	/** Ends the waiting for late frames. */
	#goOn: () => void = () => {};

	constructor(options: FarOptions) {
		const { link, clock, shelf, slot, intervalMs, frameLifetimeMs } = options;
		this.#options = options;
		this.name = `e${shelf}.${slot}`;
		this.lastSentMs = clock.now();
		this.initiator = new Initiator(link, {
			clock,
			deadlineMs: intervalMs,
			...(frameLifetimeMs !== undefined && { frameLifetimeMs }),
			linkChanged: () => this.#line?.linkChanged(),
			announced: (...address) => {
				if (address[0] !== shelf || address[1] !== slot) return;
				this.#line?.announced(address[2]);
				this.#heirs.announced(address[2]);
			},
		});
		const { initiator, name } = this;
		this.#heirs = new Heirs({
			...{ initiator, name, shelf, slot },
			known: () => this.known,
			found: (heir) => this.#succeeded(heir),
		});
		link.setFilter(answerFilter(addressOf(shelf, slot)));
	}

	/** When nothing that was sent before can still be under way, or come to anything: who answers for the address. */
	async connect(): Promise<Connection> {
		if (this.#blade === null) await this.#quiet();
		const blade = this.#blade ?? (await this.#find());
		this.#heir = null;
		return {
			begin: (user) => {
				this.#line = new FarLine(user, this, blade);
				return this.#line;
			},
			close: () => {},
		};
	}

	/** Nothing can be under way any more, or there is an heir, whom it does not concern. */
	async #quiet(): Promise<void> {
		const { clock, frameLifetimeMs } = this.initiator;
		const waitMs = this.lastSentMs + frameLifetimeMs - clock.now();
		if (waitMs <= 0) return;
		await new Promise<void>((resolve) => {
			this.#goOn = resolve;
			clock.after(waitMs, resolve);
		});
	}

	/** Of the heir, if there is one, and is still. */
	get #blade(): FoundBlade | null {
		return this.#heir !== null && succeeds(this.#heir.target, this.known) ? this.#heir.blade : null;
	}

	#succeeded(heir: Heir): void {
		this.#heir = heir;
		this.#goOn();
		this.#search?.end(heir.blade);
		this.#line?.succeeded();
	}

	async #find(): Promise<FoundBlade> {
		const { shelf, slot, link, intervalMs } = this.#options;
		const mac = this.known?.mac ?? null;
		this.#search = new Search(this.initiator, { shelf, slot, mac, limitMs: intervalMs });
		const found = await this.#search.found;
		this.#search = null;
		if (found !== null) return found;
		throw new OperatorError(
			link.up ? `nobody answers for ${this.name} on ${link.name}` : `${link.name} is ${link.status}`,
		);
	}

	async close(): Promise<void> {
		this.#search?.end(null);
		this.initiator.close();
		await this.#options.link.close();
	}
}
