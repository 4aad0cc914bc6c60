/**
 * Small curves in rows: operations per second of the last minutes. Seeded from the disk's history, a few at a time, and continued by
 * what the list says each second. Used by the list of disks.
 */

import { diskPath, get } from "./api.js";
import { svg } from "./dom.js";

const POINTS = 120;
const WIDTH = 120;
const HEIGHT = 24;
const AT_ONCE = 2;

export class Sparks {
	/** @type {Map<string, number[]>} */
	#values = new Map();
	/** @type {string[]} */
	#wanted = [];
	#asking = 0;

	/** @param {AbortSignal} signal */
	constructor(signal) {
		this.signal = signal;
	}

	/**
	 * Adds what is now; disks that are not shown any more are forgotten.
	 * @param {readonly { name: string, rates: { reads: number, writes: number } }[]} disks
	 */
	add(disks) {
		const shown = new Set(disks.map(({ name }) => name));
		for (const name of this.#values.keys()) if (!shown.has(name)) this.#values.delete(name);
		this.#wanted = this.#wanted.filter((name) => shown.has(name));
		for (const { name, rates } of disks) {
			const values = this.#values.get(name);
			const now = rates.reads + rates.writes;
			if (values === undefined) {
				this.#values.set(name, [now]);
				this.#wanted.push(name);
			} else {
				values.push(now);
				if (values.length > POINTS) values.shift();
			}
		}
		while (this.#asking < AT_ONCE && this.#wanted.length > 0) void this.#seed(this.#wanted.shift() ?? "");
	}

	/** @param {string} name */
	async #seed(name) {
		this.#asking++;
		try {
			const { reads, writes } = await get(`${diskPath(name)}/history?window=5m`, this.signal);
			const past = reads
				.slice(-POINTS)
				.map((/** @type {number | null} */ value, /** @type {number} */ index) => {
					const at = reads.length - Math.min(POINTS, reads.length) + index;
					return (value ?? 0) + (writes[at] ?? 0);
				});
			const values = this.#values.get(name);
			if (values) this.#values.set(name, [...past.slice(0, -1), ...values].slice(-POINTS));
		} catch {
			// It goes on from now.
		} finally {
			this.#asking--;
		}
		const next = this.#wanted.shift();
		if (next !== undefined && !this.signal.aborted) await this.#seed(next);
	}

	/** @param {HTMLElement} cell @param {string} name */
	paint(cell, name) {
		let line = cell.querySelector("polyline");
		if (line === null) {
			line = /** @type {SVGPolylineElement} */ (svg("polyline", { fill: "none" }));
			const attributes = { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, class: "spark", "aria-hidden": "true" };
			cell.append(svg("svg", { ...attributes, preserveAspectRatio: "none" }, line));
		}
		const values = this.#values.get(name) ?? [];
		const top = Math.max(1, ...values);
		const first = POINTS - values.length;
		const points = values.map((value, index) => {
			const x = ((first + index) / (POINTS - 1)) * WIDTH;
			return `${x.toFixed(1)},${(HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1)}`;
		});
		line.setAttribute("points", points.join(" "));
	}
}
