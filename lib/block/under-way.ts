/** How many requests are under way: who closes a device, or a layer, waits until there are none. */
export class UnderWay {
	#count = 0;
	#waiting: (() => void)[] = [];

	get count(): number {
		return this.#count;
	}

	begun(): void {
		this.#count++;
	}

	ended(): void {
		this.#count--;
		if (this.#count === 0 && this.#waiting.length > 0) this.#tell();
	}

	/** Resolves when there are none. Who has nothing to wait for does not ask: a volume that nobody uses is closed at once, and can be opened again. */
	async none(): Promise<void> {
		if (this.#count > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
	}

	#tell(): void {
		const waiting = this.#waiting;
		this.#waiting = [];
		for (const resolve of waiting) resolve();
	}
}
