/** Lines of OpenMetrics 1.0 text, gathered into pieces. Used by `metrics.ts`, which says what they tell. */

import { bucketsOf, countOf } from "../histogram.js";
import type { Measured } from "./seams.js";

/** Characters after which a piece is handed on. */
const PIECE = 65_536;

type Kind = "counter" | "gauge" | "histogram" | "info";

/** Gathers lines; what is full is taken away. */
export class Writer {
	#text = "";

	/** `name` as OpenMetrics has it: without `_total`; the unit is its end. */
	family(name: string, kind: Kind, help: string): void {
		const unit = /_(seconds|bytes)$/.exec(name)?.[1];
		this.#text += `# TYPE ${name} ${kind}\n`;
		if (unit !== undefined) this.#text += `# UNIT ${name} ${unit}\n`;
		this.#text += `# HELP ${name} ${help}\n`;
	}

	line(name: string, labels: string, value: number): void {
		this.#text += labels === "" ? `${name} ${value}\n` : `${name}{${labels}} ${value}\n`;
	}

	/** Cumulative, as metrics have it. */
	histogram(name: string, labels: string, { counts, sumSeconds }: Measured): void {
		const count = countOf(counts);
		let text = "";
		for (const bucket of bucketsOf(counts, 1))
			text += `${name}_bucket{${labels},le="${bucket.seconds}"} ${bucket.count}\n`;
		text += `${name}_bucket{${labels},le="+Inf"} ${count}\n${name}_count{${labels}} ${count}\n`;
		this.#text += `${text}${name}_sum{${labels}} ${sumSeconds}\n`;
	}

	get isFull(): boolean {
		return this.#text.length >= PIECE;
	}

	take(): string {
		const text = this.#text;
		this.#text = "";
		return text;
	}
}

/** As the value of a label. */
export function escaped(text: string): string {
	return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}
