/**
 * What must be so of a pool's owners, whatever goes wrong: held against all that the head ever was, and all that was acknowledged, by the true time.
 * Told by `owner-sim.ts`.
 */

import { unframed } from "../../../lib/object/head-frame.js";
import { decodeSuperblock, type Superblock } from "../../../lib/pool/store/superblock.js";

/** What was promised is not so. */
export class OwnerError extends Error {}

/** Of a superblock's image: all up to there is in the store. */
export function upTo({ image }: Pick<Superblock, "image">): number {
	return Number(image.upTo);
}

interface Acknowledging {
	readonly id: string;
	readonly epoch: number;
	readonly mayAcknowledge: boolean;
}

export class OwnerTruth {
	/** All that the head ever was. */
	readonly #values: readonly Buffer[];
	#seen = 0;
	#top: Superblock | null = null;
	/** All up to there was acknowledged, and not given up since. */
	#acknowledged = 0;
	/** Bytes of an epoch that an operator has given up. */
	readonly #words = new Map<number, number>();
	readonly counts = { acknowledged: 0, takeovers: 0, lost: 0, handedOver: 0 };

	constructor(values: readonly Buffer[]) {
		this.#values = values;
	}

	get top(): Superblock | null {
		this.look();
		return this.#top;
	}

	/** An operator gives up so many bytes of an epoch. */
	word(epoch: number, bytes: number): void {
		this.#words.set(epoch, Math.max(bytes, this.#words.get(epoch) ?? 0));
	}

	/** Looks at what has been put there since. */
	look(): void {
		for (; this.#seen < this.#values.length; this.#seen++) {
			const next = decodeSuperblock(unframed("head", this.#values[this.#seen]!).bytes, "head");
			if (this.#top !== null) this.#moved(this.#top, next);
			this.#top = next;
		}
	}

	#moved(before: Superblock, next: Superblock): void {
		expect(next.beat === before.beat + 1, `beat ${next.beat} after ${before.beat}`);
		if (next.epoch === before.epoch) {
			expect(next.owner.id === before.owner.id, `two owners by epoch ${next.epoch}`);
			expect(upTo(next) >= upTo(before), "what the store has becomes less");
			return;
		}
		expect(next.epoch === before.epoch + 1, `epoch ${next.epoch} after ${before.epoch}`);
		this.counts.takeovers += 1;
		if (before.heir?.id === next.owner.id) this.counts.handedOver += 1;
		const isSameHost = next.owner.host === before.owner.host;
		if (!isSameHost) this.#left(before, next);
	}

	/** Another host goes on from what the store has. */
	#left(before: Superblock, next: Superblock): void {
		const tail = this.#acknowledged - upTo(before);
		const lost = next.lost?.find(({ epoch }) => epoch === before.epoch);
		if (before.promised === null) {
			expect(tail <= 0, `${tail} bytes are lost that were not promised`);
			expect(lost === undefined, "lost, and not promised");
			return;
		}
		const { bytes } = before.promised;
		expect(tail <= bytes, `${tail} bytes are lost, ${bytes} were promised`);
		expect(lost?.bytes === bytes && upTo(lost) === upTo(before), "not held as lost");
		expect((this.#words.get(before.epoch) ?? -1) >= bytes, "lost without a word");
		this.#acknowledged = upTo(before);
		this.counts.lost += 1;
	}

	/** Now, by a process that runs: all up to there. */
	acknowledged({ id, epoch }: Acknowledging, position: number): void {
		const { top } = this;
		expect(top?.epoch === epoch, `acknowledged by epoch ${epoch}, it is ${top?.epoch}`);
		expect(
			top.owner.id === id && top.heir === undefined && !top.isGivenBack,
			"acknowledged, and free to take",
		);
		const [owed, promised] = [position - upTo(top), top.promised?.bytes ?? 0];
		expect(owed <= promised, `acknowledged ${owed}, promised ${promised}`);
		this.#acknowledged = Math.max(this.#acknowledged, position);
		this.counts.acknowledged += 1;
	}

	/** At any time: all that are there, also those that are stopped, as they may find it when they wake. */
	check(all: readonly Acknowledging[]): void {
		this.look();
		const able = all.filter(({ mayAcknowledge }) => mayAcknowledge);
		expect(able.length <= 1, `${able.length} may acknowledge`);
		for (const { epoch } of able)
			expect(epoch === this.#top?.epoch, `epoch ${epoch} may acknowledge, it is ${this.#top?.epoch}`);
	}
}

function expect(isSo: boolean, otherwise: string): asserts isSo {
	if (!isSo) throw new OwnerError(otherwise);
}
