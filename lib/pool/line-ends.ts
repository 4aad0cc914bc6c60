/**
 * When a line ends that goes on no more: not while a volume that went by it offers its moments, nor while somebody looks at one, whose pages
 * would be free then, nor while a subtree of it is still to be walked. Kept by `descent.ts`.
 */

export interface LineEndsOf {
	/** No moment of it is offered any more, but somebody may look at one. */
	lapse(line: number): void;
	/** Nobody does. */
	pass(line: number): void;
	/** All of its subtrees were. */
	isWalked(line: number): boolean;
	end(line: number): void;
}

export class LineEnds {
	readonly #of: LineEndsOf;
	readonly #ending = new Set<number>();
	/** Those of which moments are offered by a volume that goes on by another line. */
	readonly #lingering = new Set<number>();
	/** How many look at each. */
	readonly #looked = new Map<number, number>();

	constructor(of: LineEndsOf) {
		this.#of = of;
	}

	/** It ends as soon as it may. */
	add(line: number): void {
		this.#ending.add(line);
		this.settle(line);
	}

	/** Its moments are offered when it goes on no more, until it lapses. */
	linger(line: number): void {
		this.#lingering.add(line);
	}

	lapse(line: number): void {
		this.#lingering.delete(line);
		this.settle(line);
	}

	/** It may end now, perhaps. */
	settle(line: number): void {
		if (!this.#ending.has(line) || this.#lingering.has(line)) return;
		this.#of.lapse(line);
		if (this.#looked.has(line)) return;
		this.#of.pass(line);
		if (!this.#of.isWalked(line)) return;
		this.#ending.delete(line);
		this.#of.end(line);
	}

	/** Somebody looks at a moment of it until what is returned is called. */
	look(line: number): () => void {
		this.#looked.set(line, 1 + (this.#looked.get(line) ?? 0));
		return () => {
			const left = this.#looked.get(line)! - 1;
			if (left > 0) this.#looked.set(line, left);
			else this.#looked.delete(line);
			this.settle(line);
		};
	}
}
