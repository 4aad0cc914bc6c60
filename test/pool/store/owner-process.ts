/**
 * One process of a host that wants a pool: waits for it, acknowledges writes as a folder would, uploads them, hands over, ends or is ended. By a seed, for
 * `owner-sim.ts`.
 */

import { OperatorError } from "../../../lib/errors.js";
import { Head } from "../../../lib/object/head.js";
import type { HeadBackend } from "../../../lib/object/head-backend.js";
import { HeadKeeper } from "../../../lib/pool/store/head-keeper.js";
import type { Owner, Superblock } from "../../../lib/pool/store/superblock.js";
import { FencedError, type KeeperWorld } from "../../../lib/pool/store/superblock-swaps.js";
import { Refused, type TakeOverRules } from "../../../lib/pool/store/takeover.js";
import type { Random } from "../../../lib/random.js";
import type { VirtualClock } from "../../../lib/testing/virtual-clock.js";
import { HostClock, HostLine, Life } from "./owner-hosts.js";
import { type OwnerTruth, upTo } from "./owner-truth.js";

export const ID_CHARACTERS = 32;

/** What stays of a host when its process ends: its log, which goes on from an epoch's image. */
export interface Disk {
	readonly host: string;
	epoch: number;
	written: number;
}

type Rules = { -readonly [Key in keyof TakeOverRules]: TakeOverRules[Key] };

export interface ProcessOf {
	readonly truth: OwnerTruth;
	readonly time: VirtualClock;
	readonly random: Random;
	readonly backend: HeadBackend;
	readonly disk: Disk;
	/** The one before is known to have ended. */
	readonly isGone: boolean;
}

export function identifier(random: Random): string {
	return Array.from({ length: ID_CHARACTERS }, () => random.below(16).toString(16)).join("");
}

export class OwnerProcess {
	readonly life: Life;
	readonly line: HostLine;
	owner: Owner;
	keeper: HeadKeeper | null = null;
	readonly #of: ProcessOf;
	readonly #world: KeeperWorld;
	readonly #head: Head;

	constructor(of: ProcessOf) {
		const { time, random, backend, disk } = of;
		this.#of = of;
		this.life = new Life(time);
		this.line = new HostLine(this.life, backend, random);
		const clock = new HostClock(this.life, random);
		this.#world = {
			clock,
			elapsed: () => clock.now() * 1000,
			now: () => Math.floor(clock.now()) * 1000,
			chance: () => 1 + random.below(2 ** 47),
		};
		this.#head = new Head(this.line, { clock, random });
		this.owner = { id: identifier(random), host: disk.host, name: `host ${disk.host.slice(0, 4)}` };
	}

	get id(): string {
		return this.owner.id;
	}

	get epoch(): number {
		return this.keeper?.epoch ?? 0;
	}

	get mayAcknowledge(): boolean {
		return !this.life.isKilled && this.keeper !== null && this.keeper.mayAcknowledge;
	}

	/** Until it is killed. */
	async run(): Promise<void> {
		const { isGone, random } = this.#of;
		const rules: Rules = { isGone, pollMs: random.pick([20, 500]) };
		for (;;) {
			const keeper = await this.#acquired(rules);
			if (keeper !== null) {
				await this.#serve(keeper);
				// Another life of a process that waits, as it were.
				this.keeper = null;
				this.owner = { ...this.owner, id: identifier(random) };
				rules.isGone = false;
				delete rules.lose;
			}
			await this.#pause(500);
		}
	}

	async #acquired(rules: Rules): Promise<HeadKeeper | null> {
		const { truth, random } = this.#of;
		const got = await HeadKeeper.acquire(this.#head, { owner: this.owner, takeOver: rules }, this.#world);
		if (got instanceof HeadKeeper) return got;
		if (!(got instanceof Refused)) throw new Error("it did not wait");
		// Sometimes the operator has an older figure before him.
		if (random.chance(0.3)) {
			const { epoch } = got.lost;
			rules.lose = { epoch, bytes: Math.max(0, got.lost.bytes - (random.chance(0.2) ? 1 : 0)) };
			truth.word(epoch, rules.lose.bytes);
		}
		return null;
	}

	async #serve(keeper: HeadKeeper): Promise<void> {
		const { disk } = this.#of;
		const { superblock } = keeper;
		if (disk.epoch < superblock.hostSince) disk.written = upTo(superblock);
		disk.epoch = superblock.epoch;
		keeper.owes = (next) => this.#owes(next);
		this.keeper = keeper;
		await Promise.all([this.#client(keeper), this.#uploader(keeper)]);
	}

	#owes(next: Superblock): Superblock["promised"] {
		const bytes = this.#of.disk.written - upTo(next);
		return bytes > 0 ? { bytes, sinceUs: 0 } : null;
	}

	async #client(keeper: HeadKeeper): Promise<void> {
		const { disk, random, truth } = this.#of;
		while (keeper.end === null) {
			await this.#pause(random.pick([5, 50, 500, 3_000]));
			disk.written += 1 + random.below(10);
			const position = disk.written;
			const owed = (): number => position - upTo(keeper.superblock);
			while (keeper.end === null && !(keeper.mayAcknowledge && keeper.covers(owed()))) {
				// Some is promised ahead.
				if (!keeper.covers(owed())) await ended(keeper.promise(owed() + random.below(20), this.#world.now()));
				await new Promise<void>((resolve) => keeper.whenMay(resolve));
			}
			if (keeper.end === null) truth.acknowledged(this, position);
		}
	}

	async #uploader(keeper: HeadKeeper): Promise<void> {
		while (keeper.end === null) {
			await this.#pause(this.#of.random.pick([100, 1_000, 8_000]));
			await this.#upload(keeper);
		}
	}

	async #upload(keeper: HeadKeeper): Promise<void> {
		const { written } = this.#of.disk;
		await this.#pause(300);
		await ended(
			keeper.write(({ image }) => ({ image: { ...image, upTo: Math.max(written, Number(image.upTo)) } })),
		);
	}

	/** To one who waits. */
	async handOver(heir: Owner): Promise<void> {
		const { keeper } = this;
		if (keeper === null || keeper.end !== null) return;
		// (Who asks, and is killed, leaves that there.)
		const { random } = this.#of;
		await ended(keeper.write(() => ({ asks: identifier(random) })));
		if (keeper.end !== null) return;
		const handing = keeper.handOver({ heir, drain: () => this.#upload(keeper), limitMs: 2_000 });
		await handing.catch((error: unknown) => {
			if (!(error instanceof OperatorError)) throw error;
		});
		if (keeper.end === null) await ended(keeper.write(() => ({ asks: undefined })));
	}

	async close(): Promise<void> {
		await this.keeper?.close({ limitMs: 2_000 });
	}

	#pause(mostMs: number): Promise<void> {
		return new Promise((resolve) => this.#world.clock.after(this.#of.random.below(mostMs + 1), resolve));
	}
}

/** However it ends; but our own bugs. */
async function ended(work: Promise<void>): Promise<void> {
	await work.catch((error: unknown) => {
		if (!(error instanceof OperatorError)) throw error;
		if (!(error instanceof FencedError) && !error.message.endsWith("closed")) throw error;
	});
}
