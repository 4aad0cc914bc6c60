/**
 * A long list in pages: which part of it is shown, and the buttons to go on and back. Used by the views with lists of thousands.
 */

import { el, write } from "./dom.js";
import { count } from "./format.js";

export class Pager {
	/** How many are left out at the beginning. */
	offset = 0;
	#shown = el("p", { class: "pages", role: "status" });
	#back = el("button", { type: "button", on: { click: () => this.turn(-this.size) } }, "Previous");
	#forth = el("button", { type: "button", on: { click: () => this.turn(this.size) } }, "Next");
	#turned;

	/** @param {number} size of a page @param {() => void} turned another page is to be shown */
	constructor(size, turned) {
		this.size = size;
		this.#turned = turned;
		/** @type {HTMLElement} */
		this.element = el("div", { class: "paging" }, this.#back, this.#shown, this.#forth);
	}

	/** @param {number} by `-Infinity`: to the beginning */
	turn(by) {
		this.offset = Math.max(0, this.offset + by);
		this.#turned();
	}

	/** So many are on this page, of so many. False: there is no such page any more, and the one before it is shown. @param {number} length @param {number} total */
	show(length, total) {
		if (length === 0 && this.offset > 0) {
			this.turn(-this.size);
			return false;
		}
		const last = this.offset + length;
		write(
			this.#shown,
			total === 0 ? "none" : `${count(this.offset + 1)} to ${count(last)} of ${count(total)}`,
		);
		this.#back.disabled = this.offset === 0;
		this.#forth.disabled = last >= total;
		return true;
	}
}

const TYPING_MS = 200;

/** A field that narrows a list down. @param {string} id @param {string} what it looks at @param {() => void} changed */
export function searchField(id, what, changed) {
	/** @type {ReturnType<typeof setTimeout> | undefined} */
	let typing;
	const input = el("input", { id, type: "search", placeholder: what, maxlength: "200" });
	input.addEventListener("input", () => {
		clearTimeout(typing);
		typing = setTimeout(changed, TYPING_MS);
	});
	return { input, element: el("div", { class: "field" }, el("label", { for: id }, "Search"), input) };
}
