/** A pool on a store in memory that several hosts want, each with a log of its own: opened as the daemon opens one, again and again until it can be had. */

import { setImmediate as nextTurn } from "node:timers/promises";
import { OperatorError } from "../../../lib/errors.js";
import { Objects } from "../../../lib/object/objects.js";
import type { ObjectStore } from "../../../lib/object/store.js";
import { Pool } from "../../../lib/pool/pool.js";
import { ForeseenObjects } from "../../../lib/pool/store/foreseen.js";
import { Gate } from "../../../lib/pool/store/gate.js";
import { GatedFolder } from "../../../lib/pool/store/gated-folder.js";
import { answerAsked, handOver } from "../../../lib/pool/store/hand-over.js";
import { HeadKeeper } from "../../../lib/pool/store/head-keeper.js";
import { HeadKeepers } from "../../../lib/pool/store/head-keepers.js";
import { LeaseWatch } from "../../../lib/pool/store/lease.js";
import { LossWord } from "../../../lib/pool/store/loss-word.js";
import type { Owner } from "../../../lib/pool/store/superblock.js";
import type { HandedOver } from "../../../lib/pool/stored-look.js";
import { MemoryObjects } from "../../../lib/testing/memory-objects.js";
import { heapMemory } from "../../../lib/wire/memory.js";
import { type MemoryFolder, Stage, testWorld } from "../memory-folder.js";
import { type Host, KeeperWorlds } from "./keeper-world.js";
import { identifier } from "./owner-process.js";

const TICK_MS = 5;
/** Between two tries. */
const AGAIN_MS = 1_000;

/** One that has it, or wants it. */
export interface Opened {
	readonly host: Host;
	readonly keepers: HeadKeepers;
	readonly folder: GatedFolder;
	readonly store: ObjectStore;
	readonly stage: Stage;
	/** In order; to an heir, if there is one who waits. */
	readonly close: (heir?: Owner) => Promise<void>;
}

export class TwoHosts {
	readonly all = new KeeperWorlds();
	readonly #objects: MemoryObjects;
	readonly #words = new Map<Host, LossWord>();
	/** How each is known to whoever hands over. */
	readonly waiting = new Map<Host, HeadKeepers>();

	/** What was told of how it was had. */
	readonly taken: string[] = [];
	/** Called when somebody has said that he waits. */
	afterAnswer = (): void => {};

	constructor(readonly stable: "host" | "store") {
		const { time, random } = this.all;
		this.#objects = new MemoryObjects({ clock: time, random });
		const tick = (): void => void time.after(TICK_MS, tick);
		tick();
	}

	/** What an operator has said on that host. */
	wordOf(host: Host): LossWord {
		const word = this.#words.get(host) ?? new LossWord();
		this.#words.set(host, word);
		return word;
	}

	async make(host: Host, local: MemoryFolder): Promise<Opened> {
		const opened = await this.#open(host, local, new LeaseWatch(), async (world) => {
			const pool = await Pool.create(world);
			await pool.administration.create("web", 16 * 2 ** 20, 4096);
			return pool;
		});
		return opened;
	}

	/** Rejects with what the last of some tries has. */
	async open(host: Host, local: MemoryFolder, tries = 12): Promise<Opened> {
		const watch = new LeaseWatch();
		for (let left = tries; ; left--)
			try {
				return await this.#open(host, local, watch, (world) => Pool.open(world));
			} catch (error) {
				if (!(error instanceof OperatorError) || left <= 1) throw error;
				await new Promise<void>((resolve) => host.world.clock.after(AGAIN_MS, resolve));
			}
	}

	async #open(
		host: Host,
		local: MemoryFolder,
		watch: LeaseWatch,
		open: (world: ReturnType<typeof testWorld>) => Promise<Pool>,
	): Promise<Opened> {
		const { head, world, owner } = host;
		const chance = (byteLength: number): string => identifier(this.all.random).slice(0, 2 * byteLength);
		const objects = new Objects(this.#objects, { clock: world.clock, random: this.all.random });
		const store = new ForeseenObjects(objects, world.clock);
		let heir: Owner | undefined;
		const keepers: HeadKeepers = new HeadKeepers({
			...{ path: "gold", head, world, identifier: chance, name: owner.name, watch, listener: {} },
			loss: this.wordOf(host),
			taken: (words) => this.taken.push(words),
			foresee: (there) => store.look(there),
			answer: async (...asked) => {
				await answerAsked(store, ...asked);
				this.afterAnswer();
			},
			owed: () => gate.owed(),
		});
		this.waiting.set(host, keepers);
		const gate: Gate = new Gate(
			() => keepers.keeper,
			() =>
				folder.state === null
					? undefined
					: { bytes: this.stable === "host" ? folder.state.unshippedBytes : 0, sinceUs: world.now() },
		);
		const folder: GatedFolder = new GatedFolder(
			{
				...{ path: "gold", local, store, keepers, clock: world.clock, stable: this.stable, nextTurn },
				...{ logBytes: 256 * 2 ** 20, cacheBytes: 2 ** 30, allocate: heapMemory, identifier: chance },
				closed: () => keepers.close(heir === undefined ? {} : { handOver: { heir } }),
			},
			gate,
		);
		const pool = await open({ ...testWorld(folder), lease: keepers.lease, losses: keepers.losses });
		const stage = await Stage.of(pool, "web", "flush");
		const close = (to?: Owner): Promise<void> => {
			heir = to;
			return stage.close();
		};
		return { host, keepers, folder, store, stage, close };
	}

	/** As the daemon does it. */
	handOver({ host, keepers, folder, store, stage }: Opened, to?: string): Promise<HandedOver> {
		const { keeper } = keepers;
		if (keeper === null) throw new Error("it is not open");
		return handOver({
			...{ keeper, store, clock: host.world.clock, to },
			look: () => HeadKeeper.look(host.head),
			identifier: (byteLength) => identifier(this.all.random).slice(0, 2 * byteLength),
			prepare: () => stage.pool.checkpoint(true),
			ship: () => folder.ship(),
			unshippedBytes: () => folder.state?.unshippedBytes ?? 0,
		});
	}
}
