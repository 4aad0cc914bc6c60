/**
 * Has members that fell out come back: looks at what they are, again and again while they can't be reached, has what they lack copied, and
 * says that they are in sync when that is so. Started by the mirror for each member that is not in sync and has a device.
 */

import { StorageStatus } from "../../errors.js";
import { standingOf, superblockOf, type View } from "./assess.js";
import type { Copier } from "./copier.js";
import { NO_ID, OVERWRITE_ID, RESERVED_BYTES, reservedAt, type Superblock } from "./format.js";
import type { Ledger } from "./ledger.js";
import type { Member } from "./member.js";
import { type Allocate, certain, viewOf } from "./metadata.js";
import type { Rest } from "./pace.js";

/** Between two looks at a member that can't be reached, or that may not come back: twice as long each time. */
const WAIT_MS = 1000;
const WAIT_MAX_MS = 30_000;

export interface ReturnsOptions {
	readonly mirror: string;
	readonly dataBytes: number;
	readonly ledger: Ledger;
	readonly rest: Rest;
	readonly allocate: Allocate;
	/** So many bytes of chance as hexadecimal digits. */
	readonly identifier: (byteLength: number) => string;
	readonly makeCopier: () => Copier;
	/** How a member stands is another than before. */
	readonly onChange: (member: Member) => void;
}

export class Returns {
	readonly #options: ReturnsOptions;
	/** By member: what brings it back. */
	readonly #underWay = new Map<Member, Promise<void>>();
	/** Ends the sleep of whoever waits for a member. */
	readonly #wakes = new Map<Member, () => void>();
	/** Those of which the operator has said that they may be overwritten. */
	readonly #replaced = new Set<Member>();

	constructor(options: ReturnsOptions) {
		this.#options = options;
	}

	/** `replace`: whatever is there may be overwritten. */
	start(member: Member, replace = false): void {
		if (replace) this.#replaced.add(member);
		if (this.#underWay.has(member)) {
			this.#wakes.get(member)?.();
			return;
		}
		const bringing = this.#bring(member).finally(() => {
			this.#underWay.delete(member);
			// Lost again just when it was back.
			if (!this.#isOver(member)) this.start(member);
		});
		this.#underWay.set(member, bringing);
	}

	/** Resolves when nothing is going on any more; `rest` must be over. */
	async end(): Promise<void> {
		await Promise.all(this.#underWay.values());
	}

	#isOver(member: Member): boolean {
		return this.#options.rest.isOver || member.inSync || member.held === null;
	}

	async #bring(member: Member): Promise<void> {
		for (let waitMs = WAIT_MS; !this.#isOver(member); waitMs = Math.min(2 * waitMs, WAIT_MAX_MS)) {
			const lacked = member.behind.size;
			await this.#options.rest.during(this.#left(member));
			if (this.#isOver(member)) return;
			member.takeNext();
			if (await this.#once(member)) return;
			// What was lost without a sign of life is looked at less and less often.
			if (member.behind.size < lacked) waitMs = WAIT_MS;
			await this.#options.rest.sleep(waitMs, (wake) => this.#wakes.set(member, wake));
		}
	}

	/**
	 * Nothing takes effect on it any more. What was being stored when it fell out goes on with it, step by step: what would be seen before that
	 * is over, others would say of it for ever.
	 */
	async #left(member: Member): Promise<void> {
		await this.#options.ledger.settle();
		await member.pending.quiet();
	}

	/** One try; true if it is in sync now. */
	async #once(member: Member): Promise<boolean> {
		const { ledger, allocate, makeCopier, onChange } = this.#options;
		const { device } = member;
		const view = await viewOf(member, allocate);
		// Another one has been attached meanwhile: nobody has looked at that one.
		if (member.device !== device) return false;
		if (view.kind === "absent") return false;
		const twin = this.#twinOf(member, view);
		const isTwin = twin !== undefined && (await this.#isSame(member, twin));
		if (member.device !== device || !this.#isAdmitted(member, view, isTwin ? twin : undefined)) return false;
		const sure = this.#ownOf(member, view) === undefined ? view : await certain(member, view, allocate);
		if (member.device !== device || sure.kind === "absent") return false;
		this.#admit(member, sure);
		onChange(member);
		// Its own generation is whatever it says; what the mirror calls it from now on is tried with `begin`.
		if (!(await ledger.begin(member))) {
			ledger.lose(member, StorageStatus.mediumError);
			return false;
		}
		member.lostWith = StorageStatus.ok;
		member.isSilent = false;
		onChange(member);
		const end = await makeCopier().copy(member);
		if (end === "done" && (await ledger.join(member))) {
			onChange(member);
			return true;
		}
		// What is still missing is tried again later, from the beginning of what is missing.
		if (member.isTarget) ledger.lose(member, StorageStatus.ok);
		onChange(member);
		return member.inSync;
	}

	/** Who it says that it is, if that one is in use: it is that one, by another name, or a copy. */
	#twinOf(member: Member, view: View): Member | undefined {
		const own = superblockOf(view);
		if (own === undefined || own.mirror !== this.#options.mirror) return undefined;
		const uuid = own.entries[own.index]?.uuid;
		return this.#options.ledger.members.find(
			(other) => other !== member && other.takesPart && other.uuid === uuid,
		);
	}

	/** Does what is written to the one change the other? Then there is only one of them, which nobody may say is two. */
	async #isSame(member: Member, twin: Member): Promise<boolean> {
		if (!this.#replaced.has(member)) return false;
		const { ledger, allocate } = this.#options;
		await ledger.raise();
		const now = superblockOf(await viewOf(member, allocate));
		return now !== undefined && now.id === twin.confirmed;
	}

	/** What it says of itself, if it is who it was thought to be. */
	#ownOf(member: Member, view: View): Superblock | undefined {
		const own = superblockOf(view);
		const isOurs = own?.mirror === this.#options.mirror;
		return isOurs && standingOf(member, view).kind !== "refused" ? own : undefined;
	}

	/** May what is there be written to? `same`: whose storage it is. */
	#isAdmitted(member: Member, view: View, same?: Member): boolean {
		if (same !== undefined) this.#replaced.delete(member);
		const reason =
			same !== undefined ? `is the same storage as ${same.name}` : this.#reasonAgainst(member, view);
		member.refusal = reason;
		if (reason !== null) this.#options.onChange(member);
		return reason === null;
	}

	/** Says who it is, and what it lacks. */
	#admit(member: Member, view: View): void {
		this.#replaced.delete(member);
		const own = this.#ownOf(member, view);
		if (own === undefined || standingOf(member, view).kind !== "behind") member.behind.addAll();
		if (own !== undefined) {
			// Of what it was thought to be, or might have become, this is what it is: more than two could not be told apart.
			member.confirmed = own.id;
			member.attempted = own.id;
		} else {
			// Another one than before: whoever it is instead of does not belong here any more.
			member.uuid = this.#options.identifier(16);
			member.confirmed = OVERWRITE_ID;
			member.attempted = NO_ID;
		}
		member.sequence = superblockOf(view)?.sequence ?? 0;
	}

	#reasonAgainst(member: Member, view: View): string | null {
		const { mirror, dataBytes } = this.#options;
		const { sizeBytes, readOnly } = member.device!.info;
		if (reservedAt(sizeBytes) < dataBytes)
			return `has ${sizeBytes} bytes, and must have ${dataBytes + RESERVED_BYTES}`;
		if (readOnly) return "is read-only";
		if (this.#replaced.has(member)) return null;
		if (view.kind === "superblock" && view.superblock.mirror !== mirror)
			return "is a member of another mirror";
		const twin = this.#twinOf(member, view);
		if (twin !== undefined) return `is ${twin.name}, or a copy of it`;
		const standing = standingOf(member, view);
		return standing.kind === "refused" ? standing.reason : null;
	}
}
