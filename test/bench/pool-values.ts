/** What `pool-figures.ts` gives to those who measure something of pools, and what they have found. */

import { type Figure, spread } from "./figures.js";
import type { Images } from "./images.js";
import type { Settings } from "./measure.js";

export type About = Pick<Figure, "key" | "title" | "unit" | "bound">;

/** What was measured, and what is to be known of it. */
export class PoolValues {
	readonly #values = new Map<string, number[]>();
	readonly #notes = new Map<string, string>();
	failed = "not measured";

	add(key: string, value: number): void {
		this.#values.set(`pool ${key}`, [...(this.#values.get(`pool ${key}`) ?? []), value]);
	}

	note(key: string, text: string): void {
		this.#notes.set(`pool ${key}`, text);
	}

	figure(figure: About): Figure {
		const values = this.#values.get(figure.key);
		const value = values === undefined ? undefined : spread(values);
		const note = this.#notes.get(figure.key) ?? (value === undefined ? this.failed : "");
		return { ...figure, against: "", value, note };
	}
}

/** What those who measure get. */
export interface Measuring {
	readonly settings: Settings;
	readonly images: Images;
	readonly values: PoolValues;
	/** By key, without `pool`. */
	readonly wants: (key: string) => boolean;
	readonly progress: (text: string) => void;
}
