/**
 * How whoever opens a pool in an object store has its superblock: made for a new pool, or taken over as soon as nobody else has it. Made by
 * `lib/daemon/store-pools.ts`; hands on what the image is kept with (`keeper.ts`).
 */

import { OperatorError } from "../../errors.js";
import { pause } from "../../object/attempts.js";
import type { Head } from "../../object/head.js";
import type { ObjectStore } from "../../object/store.js";
import type { Losses, Promotion } from "../folder.js";
import type { Written } from "../written.js";
import { HeadKeeper } from "./head-keeper.js";
import type { ImageKeeper } from "./keeper.js";
import { answerLease } from "./keeper-lease.js";
import type { Closing, KeeperListener } from "./keeper-listeners.js";
import { LEASE_MS, type LeaseWatch } from "./lease.js";
import type { AnswerLease } from "./lease-layer.js";
import type { LossWord } from "./loss-word.js";
import type { Keepers, Lacks } from "./options.js";
import { checkGivenBack, type GiveBackWord, giveBack, goneOn } from "./promotion.js";
import { asJson, EMPTY_IMAGE, imageIn } from "./stored-image.js";
import { lostTo, type Owner, type PartnerPlace, type Promised, type Superblock } from "./superblock.js";
import type { KeeperWorld } from "./superblock-swaps.js";
import { Held, HeldElsewhere, Refused } from "./takeover.js";
import { notToBeHad, takenWords, usedBy } from "./words.js";

/** Whoever wants it asks again after so long: others wait for his answer. */
const WAIT_MS = 3_000;
const POLL_MS = 250;
/** One that has said that it waits may be the heir soon, and others wait for it then. */
const HEIR_WAIT_MS = 9_000;
const HEIR_POLL_MS = 20;
const IDENTITY_BYTES = 16;
/** What is served of it is, again, by then. */
const NEW_MS = 10_000;

export interface HeadKeepersOf {
	/** What messages call the pool. */
	readonly path: string;
	readonly head: Head;
	readonly world: KeeperWorld;
	/** By chance, in hexadecimal. */
	readonly identifier: (byteLength: number) => string;
	/** What this host is called. */
	readonly name: string;
	/** What was seen of the lease of somebody else, for those who ask again and again. */
	readonly watch: LeaseWatch;
	/** What somebody else has promised and may be lost: an operator's word. */
	readonly loss: LossWord;
	/** Where this host is for others, if both serve the pool: then nobody waits long for one that another host has. */
	readonly at?: PartnerPlace | undefined;
	/** Whether an operator has said that it is to be a pool of its own, if it is a replica. Default: nobody has. */
	readonly promotes?: () => boolean;
	/** The same that it is to be a replica again, if it was one. Default: nobody has. */
	readonly givesBack?: { readonly word: () => GiveBackWord | undefined; readonly store: ObjectStore };
	readonly listener: KeeperListener;
	/** Reads what will be read when it is had as it is now. Resolves when that is done, within some time. Default: nothing is read before. */
	readonly foresee?: (there: Superblock) => Promise<void>;
	/** What the owner may call this host, beside its name, if he asks for it alone. */
	readonly partner?: string | undefined;
	/** Tells the owner, who has asked by this word, that this one waits. */
	readonly answer?: (asked: Superblock, nonce: string, as: Owner) => Promise<void>;
	/** Hears how it came to be had from somebody else, and whether something was given up for that. */
	readonly taken?: (words: string, isLoss: boolean) => void;
	/** What may be acknowledged and is only on this host; undefined: nobody knows now. */
	readonly owed: () => Promised | null | undefined;
}

export class HeadKeepers implements Keepers {
	readonly #of: HeadKeepersOf;
	/** Of this life of a process. */
	readonly #id: string;
	#keeper: HeadKeeper | null = null;
	/** Until when it counts as had from another host only just now. */
	#newUntilUs = Number.NEGATIVE_INFINITY;
	/** Another host has it, by the last try to have it; what that has answered the owner. */
	held: { readonly answered: string | undefined } | undefined;
	/** Whether anything may be answered. */
	readonly lease: AnswerLease;
	/** What was given up. */
	readonly losses: Losses;
	/** Of what was a replica. */
	readonly promotion: Promotion = { begin: (written) => this.#beginPromoted(written) };
	/** It is made a replica when it is closed. */
	#willGiveBack = false;
	#written: (() => Written) | undefined;

	constructor(of: HeadKeepersOf) {
		this.#of = of;
		this.#id = of.identifier(IDENTITY_BYTES);
		const keeper = (): HeadKeeper | null => this.#keeper;
		this.losses = {
			get areNew() {
				const superblock = keeper()?.superblock;
				return superblock !== undefined && lostTo(superblock) > (imageIn(superblock.image).renewedTo ?? 0);
			},
			get tails() {
				return (keeper()?.superblock.lost ?? []).map(({ epoch, bytes, seconds }) => ({
					epoch,
					bytes,
					seconds,
				}));
			},
			forget: async (epoch) => {
				const isThere = this.losses.tails.some((tail) => tail.epoch === epoch);
				if (!isThere)
					throw new OperatorError(`${of.path}: nothing of epoch ${epoch} was given up, or is kept`);
				await keeper()?.write(({ lost = [] }) => ({ lost: lost.filter((tail) => tail.epoch !== epoch) }));
			},
			noted: async () => {
				await keeper()?.write((now) => ({ image: { ...now.image, renewedTo: lostTo(now) } }));
			},
		};
		this.lease = answerLease(keeper, this.#id, () => of.world.elapsed() < this.#newUntilUs);
	}

	/** As whom it waits, for whoever hands over to it. */
	get heir(): Owner {
		return this.#owner(this.#of.identifier(IDENTITY_BYTES));
	}

	/** Who has it, if that is this one. */
	get keeper(): HeadKeeper | null {
		return this.#keeper;
	}

	async isThere(): Promise<boolean> {
		return (await HeadKeeper.look(this.#of.head)) !== null;
	}

	async create(): Promise<ImageKeeper> {
		const { head, world, identifier, at } = this.#of;
		const first: Superblock = {
			...{ format: 1, pool: identifier(IDENTITY_BYTES), epoch: 1, beat: 1 },
			owner: this.#owner(identifier(IDENTITY_BYTES)),
			hostSince: 1,
			leaseMs: LEASE_MS,
			writtenUs: Math.floor(world.now()),
			promised: null,
			...(at === undefined ? { serve: "one" } : { serve: "both", at }),
			image: asJson(EMPTY_IMAGE),
		};
		return this.#has(await HeadKeeper.create(head, first, world));
	}

	/** Whoever asks has the lock of what is on this host. */
	async acquire(life: string, lacks?: Lacks): Promise<ImageKeeper> {
		const { head, world, path, watch, identifier, loss, at, promotes = () => false } = this.#of;
		const lackOf = (there: Superblock): string | undefined =>
			lacks?.({ pool: there.pool, isGivenUp: (of) => isGivenUpIn(there, of) });
		let untilUs = world.elapsed() + WAIT_MS * 1000;
		let answered: string | undefined;
		for (;;) {
			const there = await HeadKeeper.look(head);
			// What is on this host is what the image was last changed from: so whoever had it was a process here.
			const isOurs = there !== null && life !== "" && isLifeOfOwner(there, life);
			// That of a version that did not say whose life it is may be of another host's owner, who lives: he is waited for as any other.
			const isGone = isOurs && imageIn(there.image).lifeOf !== undefined;
			const host = (isOurs ? there.owner.host : undefined) ?? identifier(IDENTITY_BYTES);
			const { said } = loss;
			const spoken = said !== undefined && { lose: said };
			const takeOver = { isGone, waits: false, watch, promotes: promotes(), at, lacks: lackOf, ...spoken };
			const found = await HeadKeeper.acquire(head, { owner: this.#owner(host), takeOver }, world);
			if (found instanceof HeadKeeper) {
				// (What has come last is read as a whole, whatever part of it is wanted first.)
				if (answered !== undefined) void this.#of.foresee?.(found.superblock);
				if (!isOurs) this.#takenOver(found);
				return this.#has(found);
			}
			if (found instanceof Refused) loss.wasRefused(found);
			const lack = found instanceof Held ? lackOf(found.superblock) : undefined;
			if (lack !== undefined) this.#onlyLooksOn(found.superblock, lack);
			const asks = this.#askedOf(found.superblock);
			const foreseen =
				answered === undefined && asks === undefined ? undefined : this.#of.foresee?.(found.superblock);
			if (asks !== undefined && asks !== answered) {
				answered = asks;
				untilUs = world.elapsed() + HEIR_WAIT_MS * 1000;
				// (Who has handed it over waits for who has it, and so does everybody else.)
				await foreseen;
				await this.#of.answer?.(found.superblock, asks, this.#owner(host));
			}
			const isLate = world.elapsed() >= untilUs;
			const isShared = at !== undefined && found.superblock.at !== undefined;
			if (found instanceof Held && (isLate || (isShared && asks === undefined))) {
				this.held = { answered: answered ?? found.superblock.asks };
				if (isShared) throw new HeldElsewhere(`${path}: ${usedBy(found.superblock.owner)}`, found.superblock);
			}
			if (found instanceof Refused || isLate) throw new OperatorError(found.messageAbout(path));
			const pollMs = Math.min(answered === undefined ? POLL_MS : HEIR_POLL_MS, found.remainingMs);
			await pause(world.clock, pollMs, new AbortController().signal);
		}
	}

	/** By which word this host is asked whether it waits; undefined: it is not, or others are. */
	#askedOf({ asks, asksOf }: Superblock): string | undefined {
		const isMeant = asksOf === undefined || asksOf === this.#of.name || asksOf === this.#of.partner;
		return isMeant ? asks : undefined;
	}

	/** It is another host's, and nothing that this one could have: who asks who waits is not answered. */
	#onlyLooksOn(there: Superblock, lack: string): never {
		const { path, at } = this.#of;
		const message = `${path}: ${notToBeHad(there, lack)}`;
		if (at === undefined || there.at === undefined) throw new OperatorError(message);
		this.held = { answered: there.asks };
		throw new HeldElsewhere(message, there);
	}

	/** What both have is said before anything is written; by an operator's word nothing is, and it is closed again. */
	async #beginPromoted(written: () => Written): Promise<void> {
		const { path, givesBack, world } = this.#of;
		const [keeper, word, now] = [this.#keeper, givesBack?.word(), written()];
		if (keeper === null) return;
		const [{ promoted }, sinceUs] = [keeper.superblock, Math.floor(world.now())];
		this.#written = written;
		if (promoted?.image !== undefined && promoted.at === undefined)
			await keeper.write(() => ({ promoted: { ...promoted, at: now, now, sinceUs } }));
		if (word === undefined) return;
		const { name, host } = checkGivenBack(path, keeper.superblock, now, word);
		this.#willGiveBack = true;
		throw new OperatorError(`${path}: is made a replica of ${name} of ${host} again`);
	}

	#takenOver({ before, superblock: now }: HeadKeeper): void {
		if (before === null) return;
		this.#newUntilUs = this.#of.world.elapsed() + NEW_MS * 1000;
		const isLoss = (now.lost ?? []).length > (before.lost ?? []).length;
		this.#of.taken?.(takenWords(before, now), isLoss);
	}

	#owner(host: string): Owner {
		return { id: this.#id, host, name: this.#of.name };
	}

	#has(keeper: HeadKeeper): ImageKeeper {
		this.#keeper = keeper;
		this.#of.loss.isOver();
		keeper.listen(this.#of.listener);
		keeper.owes = ({ promised }) => {
			const owed = this.#of.owed();
			return owed === undefined ? promised : owed;
		};
		return {
			pool: keeper.superblock.pool,
			epoch: keeper.epoch,
			hostSince: keeper.superblock.hostSince,
			get image() {
				return imageIn(keeper.superblock.image);
			},
			get heldBelow() {
				const { lost = [], promoted } = keeper.superblock;
				const images = [...lost.map(({ image }) => image), ...(promoted?.image ? [promoted.image] : [])];
				return Math.max(0, ...images.map((image) => imageIn(image).next));
			},
			trouble: () => keeper.trouble,
			isGivenUp: (life) => isGivenUpIn(keeper.superblock, life),
			write: (change) =>
				keeper.write(({ image, owner, promoted }) => {
					const before = imageIn(image);
					const after = change(before);
					const since = promoted && this.#written && { promoted: goneOn(promoted, this.#written()) };
					const own = after.life === before.life ? after : { ...after, lifeOf: owner.host };
					return { ...since, image: asJson(own) };
				}),
		};
	}

	/** Rejects if it is to be a replica again, and is not. */
	async close({ comesAgain = false, ...how }: Closing = {}): Promise<void> {
		await this.#keeper?.close({ ...how, comesAgain: comesAgain && !this.#willGiveBack });
		const { head, world, givesBack } = this.#of;
		if (this.#willGiveBack && givesBack !== undefined)
			await giveBack({ head, world, store: givesBack.store, ownerId: this.#id });
	}
}

/** What is on the owner's host, and not on one that had the pool before him. */
function isLifeOfOwner({ image, owner }: Superblock, life: string): boolean {
	const there = imageIn(image);
	return there.life === life && (there.lifeOf ?? owner.host) === owner.host;
}

function isGivenUpIn({ lost = [] }: Superblock, life: string): boolean {
	return lost.some(({ image }) => imageIn(image).life === life);
}
