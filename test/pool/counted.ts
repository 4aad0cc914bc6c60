/** Calls of some methods, counted: in all, and at most in one turn of the event loop. Used by tests of what is done in turns. */

export class Counted {
	readonly #most = new Map<string, number>();
	readonly #all = new Map<string, number>();
	readonly #now = new Map<string, number>();
	readonly #restore: (() => void)[] = [];
	#isTicking = true;

	/** Objects or prototypes by names of their methods. Until `end`. */
	constructor(of: Readonly<Record<string, object>>) {
		for (const [name, on] of Object.entries(of)) this.#count(on as Record<string, unknown>, name);
		const tick = (): void => {
			this.#now.clear();
			if (this.#isTicking) setImmediate(tick);
		};
		tick();
	}

	all(name: string): number {
		return this.#all.get(name) ?? 0;
	}

	most(name: string): number {
		return this.#most.get(name) ?? 0;
	}

	/** What was counted so far. */
	forget(): void {
		this.#all.clear();
		this.#most.clear();
	}

	#count(on: Record<string, unknown>, name: string): void {
		const usual = on[name] as (...args: unknown[]) => unknown;
		const count = (): void => {
			this.#all.set(name, this.all(name) + 1);
			this.#now.set(name, (this.#now.get(name) ?? 0) + 1);
			this.#most.set(name, Math.max(this.most(name), this.#now.get(name)!));
		};
		on[name] = function (this: unknown, ...args: unknown[]): unknown {
			count();
			return usual.apply(this, args);
		};
		this.#restore.push(() => {
			on[name] = usual;
		});
	}

	end(): void {
		this.#isTicking = false;
		for (const restore of this.#restore) restore();
	}
}
