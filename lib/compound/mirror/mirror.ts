/**
 * A mirror: a block device of up to eight others, each of which has everything. Overlapping requests are kept in order here, above
 * `core.ts`, for copies and comparisons must be in order with them. Made by `openMirror` (`open.ts`); used by whoever opens disks. What it
 * promises, and why that holds after any loss, is in `docs/mirrors.md`.
 */

import { type CloseEnd, endWithin } from "../../block/close.js";
import type { BlockDevice, DeviceInfo } from "../../block/device.js";
import type { DeviceListener } from "../../block/listeners.js";
import { OrderingLayer } from "../../block/ordering.js";
import type { BlockRequest } from "../../block/request.js";
import type { Clock } from "../../clock.js";
import { OperatorError, StorageStatus } from "../../errors.js";
import { Changes } from "./changes.js";
import { Copier } from "./copier.js";
import { MirrorCore } from "./core.js";
import type { Identity } from "./format.js";
import type { Intents } from "./intents.js";
import { Ledger } from "./ledger.js";
import type { Member } from "./member.js";
import type { Allocate } from "./metadata.js";
import { Pace, Rest } from "./pace.js";
import { Patience } from "./patience.js";
import { Reads } from "./reads.js";
import { Returns } from "./returns.js";
import { MemberStalls } from "./stalls.js";
import { type MemberState, type MirrorEvent, type MirrorState, memberState, mirrorState } from "./state.js";
import { renew, Sweeper } from "./sweeper.js";
import { Verifier, type VerifyOptions, type VerifyReport } from "./verify.js";

/** What a mirror needs of the world. */
export interface MirrorWorld {
	readonly clock: Clock;
	/** Memory that all members can use. */
	readonly allocate: Allocate;
	/** So many bytes of chance as hexadecimal digits, never the same twice. */
	readonly identifier: (byteLength: number) => string;
	/** Milliseconds since 1970, whole ones: since when members lack something. */
	readonly wallMs: () => number;
	readonly onEvent?: (event: MirrorEvent) => void;
	/** For tests: what keeps requests in order, on the device that it is given. */
	readonly order?: (core: BlockDevice) => BlockDevice;
}

/** What can be changed of a mirror that is open. */
export interface Tuning {
	/** Bytes per second that are copied and compared at most; positive. */
	readonly resyncRate: number;
	/** A member that has not answered something for so long falls out: milliseconds, at least 1000. */
	readonly timeoutMs: number;
}

/** What `open.ts` has found out. */
export interface MirrorParts {
	readonly identity: Identity;
	readonly members: readonly Member[];
	readonly intents: Intents;
	readonly world: MirrorWorld;
	readonly resyncRate: number;
	readonly timeoutMs: number;
}

export class Mirror implements BlockDevice {
	readonly #parts: MirrorParts;
	readonly #rest: Rest;
	readonly #ledger: Ledger;
	readonly #changes: Changes;
	readonly #core: MirrorCore;
	readonly #ordered: BlockDevice;
	readonly #returns: Returns;
	readonly #sweeper: Sweeper;
	readonly #pace: Pace;
	readonly #patience: Patience;
	/** Later than `#rest`: until all that members shall store is stored. */
	readonly #patienceEnd: Rest;
	/** By member. */
	readonly #stalls: readonly MemberStalls[];
	#sweeping: Promise<void> | null = null;
	#requests = 0;
	#closing: Promise<CloseEnd> | null = null;

	/** Called by `openMirror`, which calls `start` before anybody else uses it. */
	constructor(parts: MirrorParts) {
		const { identity, members, intents, world } = parts;
		const { clock, allocate, identifier, order, wallMs } = world;
		const { mirror, dataBytes } = identity;
		this.#parts = parts;
		this.#rest = new Rest(clock);
		this.#patienceEnd = new Rest(clock);
		this.#ledger = new Ledger({
			identity,
			members,
			intents,
			allocate,
			newId: () => identifier(8),
			wallMs,
			onLost: (member) => this.#lost(member),
		});
		this.#changes = new Changes(this.#ledger);
		const reads = new Reads(this.#ledger, clock, allocate, {
			onRepaired: (member, offsetBytes, lengthBytes) =>
				this.#tell({ kind: "repaired", name: member.name, offsetBytes, lengthBytes }),
		});
		this.#core = new MirrorCore(dataBytes, members, reads, this.#changes, () => this.#closeMembers());
		this.#ordered = order?.(this.#core) ?? orderingOf(this.#core);
		this.#patience = new Patience(this.#ledger, this.#patienceEnd, parts.timeoutMs);
		this.#pace = new Pace(parts.resyncRate, clock, this.#rest, () => this.#requests);
		this.#sweeper = new Sweeper(this.#ledger, this.#rest, clock);
		this.#returns = new Returns({
			mirror,
			dataBytes,
			ledger: this.#ledger,
			rest: this.#rest,
			allocate,
			identifier,
			makeCopier: () => this.#makeCopier(),
			onChange: (member) => this.#changed(member),
		});
		this.#stalls = members.map((member) => new MemberStalls(member, this.#core.listeners, clock));
		for (const member of members) this.#listenTo(member);
	}

	/** Stores the first generation of this run. False if nobody can. */
	async start(): Promise<boolean> {
		void this.#patience.run();
		if (!(await this.#ledger.raise())) {
			this.#patienceEnd.end();
			return false;
		}
		this.#sweeping = this.#sweeper.run();
		for (const member of this.#ledger.members)
			if (!member.inSync && member.device !== null) this.#returns.start(member);
		return true;
	}

	#makeCopier(): Copier {
		const { identity, world } = this.#parts;
		return new Copier({
			...identity,
			ledger: this.#ledger,
			ordered: this.#ordered,
			core: this.#core,
			pace: this.#pace,
			rest: this.#rest,
			allocate: world.allocate,
		});
	}

	#listenTo(member: Member): void {
		const stalls = this.#stalls[member.index]!;
		// That one has lost a sync is the mirror's affair.
		member.held?.listen({
			changed: () => this.#core.look(),
			stalled: (stall) => stalls.stalled(stall),
			resumed: (waitedMs, requestCount) => stalls.resumed(waitedMs, requestCount),
		});
	}

	#lost(member: Member): void {
		this.#stalls[member.index]?.lost();
		this.#changed(member);
		if (!this.#rest.isOver && member.device !== null) this.#returns.start(member);
	}

	#changed(member: Member): void {
		this.#core.look();
		this.#tell({ kind: "member", member: this.#stateOf(member) });
	}

	#tell(event: MirrorEvent): void {
		this.#parts.world.onEvent?.(event);
	}

	#stateOf(member: Member): MemberState {
		const { dataBytes, regionBytes } = this.#parts.identity;
		return memberState(member, dataBytes, regionBytes);
	}

	/** How it stands at present. */
	get state(): MirrorState {
		const { mirror, dataBytes, regionBytes } = this.#parts.identity;
		return mirrorState(mirror, this.#ledger, dataBytes, regionBytes);
	}

	/** From now on, while others use the mirror. */
	tune({ resyncRate, timeoutMs }: Tuning): void {
		this.#pace.rate = resyncRate;
		this.#patience.timeoutMs = timeoutMs;
	}

	/**
	 * A device for a member that has none, or one that fell out: the member itself, or with `replace` whatever it is, which is overwritten.
	 * The mirror closes it from now on. Throws an OperatorError if the member is in sync, or is being copied to.
	 */
	attach(index: number, device: BlockDevice, replace = false): void {
		const member = this.#ledger.members[index];
		if (member === undefined)
			throw new OperatorError(`member ${index}: the mirror has ${this.#ledger.members.length}`);
		if (member.inSync) throw new OperatorError(`${member.name} is in sync: there is nothing to attach`);
		if (member.isTarget)
			throw new OperatorError(`${member.name} is being copied to: there is nothing to attach`);
		const before = member.held;
		if (before !== device) {
			member.device = null;
			member.next = device;
			void before?.close();
			this.#listenTo(member);
		}
		this.#returns.start(member, replace);
	}

	/** Does without a member's device, which is closed. Throws an OperatorError if it is the last one in sync. */
	async detach(index: number): Promise<void> {
		const member = this.#ledger.members[index];
		const device = member?.held ?? null;
		if (member === undefined || device === null) return;
		if (!this.#ledger.lose(member, StorageStatus.closed))
			throw new OperatorError(`${member.name} is the last one in sync: nobody else has what it has`);
		member.device = null;
		member.next = null;
		this.#changed(member);
		await this.#ledger.settle();
		await member.pending.quiet();
		await device.close();
	}

	/** Compares the members in sync, at the pace of copies, while others use the mirror. */
	verify(options: VerifyOptions = {}): Promise<VerifyReport> {
		const { identity, world } = this.#parts;
		const parts = {
			ledger: this.#ledger,
			dataBytes: identity.dataBytes,
			ordered: this.#ordered,
			pace: this.#pace,
			rest: this.#rest,
			allocate: world.allocate,
		};
		return new Verifier(parts, options).verify();
	}

	get info(): DeviceInfo {
		return this.#core.info;
	}

	submit(request: BlockRequest): void {
		this.#requests = (this.#requests + 1) | 0;
		this.#ordered.submit(request);
	}

	setWriteCache(enabled: boolean): boolean {
		return this.#ordered.setWriteCache(enabled);
	}

	cancel(request: BlockRequest): void {
		this.#ordered.cancel(request);
	}

	listen(listener: DeviceListener): () => void {
		return this.#ordered.listen(listener);
	}

	close(limitMs = Infinity): Promise<CloseEnd> {
		if (this.#closing === null) {
			this.#rest.end();
			this.#closing = this.#ordered.close(Infinity);
		}
		return endWithin(this.#closing, limitMs);
	}

	/** All requests with a range are over. */
	async #closeMembers(): Promise<CloseEnd> {
		await this.#changes.quiet();
		await this.#returns.end();
		await this.#sweeping;
		await this.#sweeper.sweep(true);
		await renew(this.#ledger);
		this.#patienceEnd.end();
		const { members } = this.#ledger;
		// What was given up may still take effect: whoever opens the members next must not be surprised by it.
		await Promise.all(members.map(({ pending }) => pending.quiet()));
		const ends = await Promise.all(members.map(({ held }) => held?.close(Infinity)));
		return ends.includes("abandoned") ? "abandoned" : "closed";
	}
}

function orderingOf(core: MirrorCore): BlockDevice {
	return new OrderingLayer(core, { alignBytes: core.info.physicalBlockBytes });
}
