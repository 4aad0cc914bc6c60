/** A head in memory on a virtual clock, and hosts that want the pool that is there: for tests of its owner. */

import { Head } from "../../../lib/object/head.js";
import { unframed } from "../../../lib/object/head-frame.js";
import { HeadKeeper } from "../../../lib/pool/store/head-keeper.js";
import { LEASE_MS } from "../../../lib/pool/store/lease.js";
import { decodeSuperblock, type Superblock } from "../../../lib/pool/store/superblock.js";
import type { KeeperWorld } from "../../../lib/pool/store/superblock-swaps.js";
import type { Held, Refused, TakeOverRules } from "../../../lib/pool/store/takeover.js";
import { Random } from "../../../lib/random.js";
import { MemoryHead } from "../../../lib/testing/memory-head.js";
import { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { HostClock, HostLine, Life } from "./owner-hosts.js";

export const FIRST = {
	format: 1,
	pool: "0".repeat(32),
	epoch: 1,
	hostSince: 1,
	leaseMs: LEASE_MS,
	beat: 0,
	writtenUs: 0,
	promised: null,
	serve: "one",
	image: { upTo: 0 },
} as const;

/** A process on a host that keeps its way to the head. */
export interface Host {
	readonly life: Life;
	readonly line: HostLine;
	readonly head: Head;
	readonly world: KeeperWorld;
	readonly owner: Superblock["owner"];
}

export class KeeperWorlds {
	readonly time = new VirtualClock();
	readonly random = new Random(1);
	readonly backend = new MemoryHead({ clock: this.time, random: this.random, latencyMs: 2 });

	/** `id` and `host`: one digit. */
	host(id: string, host = id): Host {
		const life = new Life(this.time);
		const line = new HostLine(life, this.backend, this.random, 0);
		const clock = new HostClock(life, this.random, 0);
		const world = {
			clock,
			elapsed: () => clock.now() * 1000,
			now: () => clock.now() * 1000,
			chance: () => 1 + this.random.below(2 ** 47),
		};
		const head = new Head(line, { clock, random: this.random });
		return {
			life,
			line,
			head,
			world,
			owner: { id: id.repeat(32), host: host.repeat(32), name: `host ${host}` },
		};
	}

	create({ head, world, owner }: Host): Promise<HeadKeeper> {
		return this.time.until(HeadKeeper.create(head, { ...FIRST, owner }, world));
	}

	acquire({ head, world, owner }: Host, takeOver: TakeOverRules = {}): Promise<HeadKeeper | Held | Refused> {
		return HeadKeeper.acquire(head, { owner, takeOver }, world);
	}

	/** He has it, and so many milliseconds have passed. */
	async taken(host: Host, rules: TakeOverRules = {}): Promise<{ keeper: HeadKeeper; ms: number }> {
		const beganMs = this.time.now();
		const keeper = await this.time.until(this.acquire(host, rules));
		if (!(keeper instanceof HeadKeeper)) throw new Error(keeper.messageAbout("store:gold"));
		return { keeper, ms: this.time.now() - beganMs };
	}

	/** So much time passes, and all that goes on without goes on. */
	async pass(ms: number): Promise<void> {
		await this.time.until(new Promise<void>((resolve) => this.time.after(ms, resolve)));
	}

	get top(): Superblock {
		return decodeSuperblock(unframed("head", this.backend.values.at(-1)!).bytes, "head");
	}
}
