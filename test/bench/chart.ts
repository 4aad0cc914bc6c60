/**
 * The chart of `docs/benchmarking.md`: a bar for each workload from 1 (as many requests per second as vblade) to the
 * median ratio, on a scale on which twice as fast and half as fast are equally far. A thin line shows the spread over the
 * rounds, a mark what is to be reached. Drawn by hand as SVG; its colours follow the reader's light or dark scheme.
 */

import type { Figure } from "./figures.js";

const LABELS_WIDTH = 330;
const PLOT_WIDTH = 420;
const NUMBERS_WIDTH = 70;
const MARGIN = 16;
const HEAD_HEIGHT = 64;
const ROW_HEIGHT = 28;
const BAR_HEIGHT = 14;
const FOOT_HEIGHT = 40;
const WIDTH = MARGIN * 2 + LABELS_WIDTH + PLOT_WIDTH + NUMBERS_WIDTH;

const STYLE = `
	.paper { fill: #ffffff; } .text { fill: #1f2328; } .quiet { fill: #59636e; }
	.grid { stroke: #d1d9e0; } .one { stroke: #59636e; } .bar { fill: #2f6fde; } .slow { fill: #c4432b; }
	.spread { stroke: #0b2f73; stroke-width: 1.5; } .goal { stroke: #b35900; stroke-width: 3; }
	text { font: 13px system-ui, sans-serif; } .title { font-size: 16px; font-weight: 600; }
	@media (prefers-color-scheme: dark) {
		.paper { fill: #0d1117; } .text { fill: #f0f6fc; } .quiet { fill: #9198a1; }
		.grid { stroke: #3d444d; } .one { stroke: #9198a1; } .bar { fill: #4c8dff; } .slow { fill: #e5674f; }
		.spread { stroke: #cfe0ff; } .goal { stroke: #f0a050; }
	}`;

/** The chart of those figures that say how many times as fast as vblade ours is. */
export function chart(figures: readonly Figure[], caption: string): string {
	const shown = figures.flatMap(({ title, against, unit, bound, value }) =>
		value !== undefined && unit === "times" && bound.kind === "at least" && against.includes("vblade")
			? [{ title, goal: bound.value, value }]
			: [],
	);
	const values = shown.flatMap(({ goal, value }) => [goal, value.min, value.max]);
	const scale = new Scale(Math.min(1, ...values), Math.max(2, ...values));
	const bottom = HEAD_HEIGHT + shown.length * ROW_HEIGHT;
	const rows = shown.map((row, index) => {
		const middle = HEAD_HEIGHT + index * ROW_HEIGHT + ROW_HEIGHT / 2;
		return rowMarkup(row, middle, scale);
	});
	return [
		`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + FOOT_HEIGHT}" role="img">`,
		"<title>Requests per second, as a multiple of vblade's</title>",
		`<style>${STYLE}</style>`,
		`<rect class="paper" width="100%" height="100%" rx="6"/>`,
		text(MARGIN, 28, "Requests per second, as a multiple of vblade 25's", "title text"),
		text(
			MARGIN,
			48,
			"bar: median ratio   |   thin line: spread over the rounds   |   mark: to reach",
			"quiet",
		),
		...scale.ticks().map((tick) => gridLine(tick, scale.x(tick), bottom)),
		...rows,
		text(MARGIN, bottom + 34, caption, "quiet"),
		"</svg>",
		"",
	].join("\n");
}

/** Ratios to columns, by their logarithm: from the power of two below the least to the one above the greatest. */
class Scale {
	readonly #first: number;
	readonly #last: number;

	constructor(min: number, max: number) {
		this.#first = Math.floor(Math.log2(min));
		this.#last = Math.ceil(Math.log2(max));
	}

	x(ratio: number): number {
		const part = (Math.log2(ratio) - this.#first) / (this.#last - this.#first);
		return MARGIN + LABELS_WIDTH + part * PLOT_WIDTH;
	}

	ticks(): number[] {
		return Array.from({ length: this.#last - this.#first + 1 }, (_, index) => 2 ** (this.#first + index));
	}
}

function rowMarkup(
	{
		title,
		goal,
		value,
	}: { title: string; goal: number; value: { median: number; min: number; max: number } },
	middle: number,
	scale: Scale,
): string {
	const [from, to] = [scale.x(1), scale.x(value.median)];
	const top = middle - BAR_HEIGHT / 2;
	const kind = value.median < 1 ? "slow" : "bar";
	const right = WIDTH - MARGIN;
	return [
		text(MARGIN + LABELS_WIDTH - 10, middle + 4, title, "text", "end"),
		`<rect class="${kind}" x="${fixed(Math.min(from, to))}" y="${fixed(top)}" ` +
			`width="${fixed(Math.abs(to - from))}" height="${BAR_HEIGHT}" rx="2"/>`,
		line("spread", scale.x(value.min), middle, scale.x(value.max), middle),
		line("goal", scale.x(goal), top - 4, scale.x(goal), top + BAR_HEIGHT + 4),
		text(right, middle + 4, `${value.median.toFixed(2)} ×`, "text", "end"),
	].join("\n");
}

function gridLine(tick: number, x: number, bottom: number): string {
	const label = tick === 1 ? "1 = vblade" : String(tick);
	const kind = tick === 1 ? "one" : "grid";
	return line(kind, x, HEAD_HEIGHT - 4, x, bottom) + text(x, bottom + 16, label, "quiet", "middle");
}

function line(kind: string, x1: number, y1: number, x2: number, y2: number): string {
	return `<line class="${kind}" x1="${fixed(x1)}" y1="${fixed(y1)}" x2="${fixed(x2)}" y2="${fixed(y2)}"/>`;
}

function text(x: number, y: number, content: string, kind: string, anchor = "start"): string {
	return `<text class="${kind}" x="${fixed(x)}" y="${fixed(y)}" text-anchor="${anchor}">${escaped(content)}</text>`;
}

function escaped(content: string): string {
	return content.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function fixed(value: number): string {
	return String(Math.round(value * 10) / 10);
}
