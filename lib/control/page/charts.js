/**
 * Curves over time, drawn by uPlot: a few series each, with their values at the pointer in the legend. All charts of a view share one
 * pointer. Used by `disk.js`.
 */

import uPlot from "/uplot/uPlot.esm.js";
import { colour, el } from "./dom.js";

const HEIGHT = 180;
const WIDTH_MIN = 240;
/** One pointer for all charts. */
const SYNC = "disk";
/** Where marks for bytes may be. */
const POWERS = Array.from({ length: 50 }, (_, power) => 2 ** power);

/**
 * @typedef {object} ChartOptions
 * @property {string} title
 * @property {readonly { label: string, colour: string, dash?: boolean }[]} series
 * @property {(value: number) => string} format
 * @property {boolean} [log] a logarithmic scale
 * @property {boolean} [binary] marks at powers of two
 */

export class Chart {
	#plot;
	#observer;

	/**
	 * @param {ChartOptions} options
	 * @param {AbortSignal} signal ends it
	 */
	constructor(options, signal) {
		const place = el("div", { class: "plot" });
		/** @type {HTMLElement} */
		this.element = el("figure", {}, el("figcaption", {}, options.title), place);
		this.#plot = new uPlot(
			plotOptions(options),
			/** @type {any} */ ([[], ...options.series.map(() => [])]),
			place,
		);
		this.#observer = new ResizeObserver(() => {
			const width = Math.max(WIDTH_MIN, Math.floor(place.clientWidth));
			if (width !== this.#plot.width) this.#plot.setSize({ width, height: HEIGHT });
		});
		this.#observer.observe(place);
		addEventListener("colours", () => this.#plot.redraw(false, true), { signal });
		signal.addEventListener("abort", () => {
			this.#observer.disconnect();
			this.#plot.destroy();
		});
	}

	/**
	 * @param {readonly number[]} times seconds since 1970
	 * @param {readonly (readonly (number | null)[])[]} columns
	 */
	show(times, columns) {
		this.#plot.setData(/** @type {any} */ ([times, ...columns]));
		// Nobody points at anything: the legend says what is now.
		if (this.#plot.cursor.idx === null || this.#plot.cursor.idx === undefined)
			this.#plot.setLegend({ idx: times.length - 1 }, false);
	}
}

/** @param {ChartOptions} options */
function plotOptions({ series, format, log = false, binary = false }) {
	const muted = () => colour("--muted");
	const grid = { stroke: () => colour("--line"), width: 1 };
	const shown = (/** @type {unknown} */ _, /** @type {number | null} */ value) =>
		value === null || value === undefined ? "–" : format(value);
	return {
		width: WIDTH_MIN,
		height: HEIGHT,
		cursor: { sync: { key: SYNC }, drag: { x: false, y: false } },
		scales: log ? { y: { distr: 3 } } : { y: { range: fromZero } },
		axes: [
			{ stroke: muted, grid, ticks: grid, values: clocks },
			{
				stroke: muted,
				grid,
				ticks: grid,
				size: 76,
				...(binary && { incrs: POWERS }),
				values: (/** @type {unknown} */ _, /** @type {(number | null)[]} */ values) =>
					values.map((value) => (value === null ? "" : format(value))),
			},
		],
		legend: {
			// By name: they change with the colours of the page.
			markers: {
				stroke: (/** @type {unknown} */ _, /** @type {number} */ at) => `var(${series[at - 1]?.colour})`,
			},
		},
		series: [
			{
				label: "Time",
				value: (/** @type {unknown} */ _, /** @type {number | null} */ at) => clock(at, true),
			},
			...series.map(({ label, colour: name, dash }) => ({
				label,
				stroke: () => colour(name),
				width: 1.5,
				value: shown,
				points: { show: false },
				...(dash && { dash: [4, 3] }),
			})),
		],
	};
}

/** @param {unknown} _ @param {readonly number[]} moments @returns {string[]} */
function clocks(_, moments) {
	return moments.map((moment) => clock(moment, moment % 60 !== 0));
}

/** The time of day. @param {number | null} moment seconds since 1970 @param {boolean} withSeconds */
function clock(moment, withSeconds) {
	if (moment === null) return "–";
	const text = new Date(moment * 1000).toLocaleTimeString("en-GB");
	return withSeconds ? text : text.slice(0, 5);
}

/** @param {unknown} _ @param {number | null} _low @param {number | null} high @returns {[number, number]} */
function fromZero(_, _low, high) {
	return [0, Math.max(1, (high ?? 0) * 1.1)];
}
