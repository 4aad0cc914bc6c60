/**
 * What `vblade top` shows, as lines of text, and what keys do to it. Knows neither the terminal nor the daemon: `top.ts` brings them
 * together.
 */

import type { Disk, DiskList, DiskSummary, Status } from "../../control/model.js";
import { oneLine, sizeText } from "../../text.js";
import { type Column, latencyText, orNone, rateText, tableLines } from "./columns.js";
import { diskLines, type Sort } from "./disks.js";
import type { Key, ScreenLine } from "./screen.js";

/** Above the disks: totals, a blank or the filter, titles. And a line with the keys below. */
const HEAD_LINES = 4;
const FOOT_LINES = 1;
const KEYS = "q quit  r reads  w writes  l latency  e errors  n name  / filter  enter details";

const SORT_KEYS: Readonly<Record<string, Sort>> = {
	r: "reads",
	w: "writes",
	l: "latency",
	e: "errors",
	n: "name",
};

const COLUMNS: readonly Column<DiskSummary>[] = [
	{ title: "NAME", text: ({ name }) => name },
	{ title: "STATE", text: ({ state }) => state },
	// (As short as it can be: what names them is in `disk ls`.)
	{
		title: "ADDRESS",
		text: ({ addresses }) => orNone(addresses.map((each) => each.replace(/:.*/, "")).join(" ") || null),
	},
	{ title: "R/S", isNumber: true, text: ({ rates }) => rateText(rates.reads) },
	{ title: "READ/S", isNumber: true, text: ({ rates }) => sizeText(Math.round(rates.readBytes)) },
	{ title: "R P99", isNumber: true, text: ({ rates }) => latencyText(rates.readP99) },
	{ title: "W/S", isNumber: true, text: ({ rates }) => rateText(rates.writes) },
	{ title: "WRITTEN/S", isNumber: true, text: ({ rates }) => sizeText(Math.round(rates.writtenBytes)) },
	{ title: "W P99", isNumber: true, text: ({ rates }) => latencyText(rates.writeP99) },
	{ title: "QUEUE", isNumber: true, text: ({ underWay }) => String(underWay) },
	{ title: "ERRORS", isNumber: true, text: ({ errors }) => String(errors) },
	{ title: "BUSIEST INITIATOR", text: ({ busiestInitiator }) => orNone(busiestInitiator) },
];

export function diskTable(disks: readonly DiskSummary[]): string[] {
	return tableLines(COLUMNS, disks);
}

export class TopView {
	search = "";
	/** Disks that are scrolled past. */
	offset = 0;
	/** The disk whose details are shown. */
	shown: string | undefined;
	#marked = 0;
	/** What is being typed behind `/`. */
	#typed: string | undefined;
	#rows = 1;
	#status: Status | undefined;
	#list: DiskList = { disks: [], total: 0, next: null };
	#disk: Disk | undefined;
	#failure: string | undefined;

	constructor(public sort: Sort) {}

	/** How many disks there is room for. */
	rows(height: number): number {
		this.#rows = Math.max(1, height - HEAD_LINES - FOOT_LINES);
		return this.#rows;
	}

	update(status: Status, list: DiskList | undefined, disk: Disk | undefined): void {
		this.#status = status;
		this.#disk = disk;
		this.#failure = undefined;
		if (list === undefined) return;
		this.#list = list;
		this.#keepInside();
	}

	/** What was shown stays, with the reason why it is not new. */
	fail(why: string): void {
		this.#failure = why;
		if (this.shown !== undefined && this.#disk?.name !== this.shown) this.shown = undefined;
	}

	/** True if that is the end. */
	press(key: Key): boolean {
		if (this.#typed !== undefined) this.#type(key, this.#typed);
		else if (key.name === "q") return true;
		else if (this.shown !== undefined) {
			if (["escape", "left", "backspace", "return"].includes(key.name)) this.shown = undefined;
		} else this.#move(key);
		return false;
	}

	#type({ name, text }: Key, typed: string): void {
		if (name === "return" || name === "escape") {
			this.search = name === "return" ? typed : "";
			this.#typed = undefined;
			[this.offset, this.#marked] = [0, 0];
		} else if (name === "backspace") this.#typed = typed.slice(0, -1);
		else this.#typed = (typed + text).slice(0, 64);
	}

	#move({ name, text }: Key): void {
		const last = this.#list.total - 1;
		const at = this.offset + this.#marked;
		const sort = SORT_KEYS[text];
		if (sort !== undefined) this.sort = sort;
		else if (text === "/") this.#typed = "";
		else if (name === "up") this.#mark(at - 1, last);
		else if (name === "down") this.#mark(at + 1, last);
		else if (name === "pageup") this.#mark(at - this.#rows, last);
		else if (name === "pagedown") this.#mark(at + this.#rows, last);
		else if (name === "home" || sort !== undefined) this.#mark(0, last);
		else if (name === "end") this.#mark(last, last);
		else if (name === "return") this.shown = this.#list.disks[this.#marked]?.name;
	}

	#mark(wanted: number, last: number): void {
		const at = Math.max(0, Math.min(wanted, last));
		if (at < this.offset) this.offset = at;
		else if (at >= this.offset + this.#rows) this.offset = at - this.#rows + 1;
		this.#marked = at - this.offset;
	}

	#keepInside(): void {
		const { total, disks } = this.#list;
		if (this.offset >= total) this.offset = Math.max(0, total - this.#rows);
		this.#marked = Math.max(0, Math.min(this.#marked, disks.length - 1));
	}

	/** No more than fit. */
	lines(width: number, height: number): ScreenLine[] {
		const body =
			this.shown === undefined || this.#disk === undefined ? this.#table() : this.#details(this.#disk);
		const whole = [...this.#head(), ...body].slice(0, Math.max(0, height - FOOT_LINES));
		while (whole.length < height - FOOT_LINES) whole.push({ text: "" });
		const keys = this.shown === undefined ? KEYS : "q quit  escape back";
		return [...whole, { text: keys }].map(({ text, ...more }) => ({ text: text.slice(0, width), ...more }));
	}

	#head(): ScreenLine[] {
		const { version = "", health = "", counts, rates } = this.#status ?? {};
		const disks =
			counts === undefined
				? ""
				: `${counts.open} of ${counts.disks} disks open, ${counts.initiators} initiators`;
		const load =
			rates === undefined
				? ""
				: `reads ${rateText(rates.reads)}/s ${sizeText(Math.round(rates.readBytes))}/s, writes ${rateText(rates.writes)}/s ${sizeText(Math.round(rates.writtenBytes))}/s`;
		const filter =
			this.#typed === undefined ? this.search && `filter: ${this.search}` : `filter: ${this.#typed}_`;
		const notice = this.#failure ?? (filter || `by ${this.sort}`);
		return [`vblade ${version} ${health}: ${disks}`, load, oneLine(notice)].map((text) => ({ text }));
	}

	#table(): ScreenLine[] {
		const [titles = "", ...rows] = diskTable(this.#list.disks);
		const marked = rows.map((text, at) => ({
			text: `${at === this.#marked ? ">" : " "} ${text}`,
			isMarked: at === this.#marked,
		}));
		return [{ text: `  ${titles}` }, ...marked];
	}

	#details(disk: Disk): ScreenLine[] {
		return ["", ...diskLines(disk)].map((text) => ({ text }));
	}
}
