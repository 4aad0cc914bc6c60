/**
 * Tables whose rows stay where they are while their figures change: what has the keyboard, or is selected, keeps it. Used by all
 * views with lists.
 */

import { el, write } from "./dom.js";

/**
 * @template Row
 * @typedef {object} Column
 * @property {string} title
 * @property {boolean} [numeric]
 * @property {boolean} [wide] left out where there is no room for it: on what is narrower than a desk's screen
 * @property {boolean} [mid] likewise, on a phone
 * @property {boolean} [whole] is not broken into lines, such as a MAC address
 * @property {boolean} [long] has sentences
 * @property {boolean} [isHeader] names the row
 * @property {string} [sort] what the title, which is a button then, has the rows sorted by
 * @property {(row: Row) => string} [text]
 * @property {(cell: HTMLElement, row: Row) => void} [paint] in place of `text`, where it is more than that
 */

/** @template Row */
export class Table {
	/** @type {Map<string, { element: HTMLElement, cells: HTMLElement[] }>} */
	#rows = new Map();
	#body = el("tbody");
	#columns;
	#keyOf;
	#empty;

	/**
	 * @param {object} options
	 * @param {string} options.caption
	 * @param {readonly Column<Row>[]} options.columns
	 * @param {(row: Row) => string} options.keyOf
	 * @param {string} [options.empty] what to say where there are no rows
	 * @param {(sort: string) => void} [options.onSort] a title was chosen
	 * @param {boolean} [options.cards] on a phone each row is a card, for there are more columns than fit
	 */
	constructor({ caption, columns, keyOf, empty = "There are none.", onSort = () => {}, cards = false }) {
		this.#columns = columns;
		this.#keyOf = keyOf;
		this.#empty = el("p", { class: "muted", hidden: true }, empty);
		const head = columns.map((column) =>
			el(
				"th",
				{ scope: "col", class: classOf(column), "data-sort": column.sort },
				column.sort === undefined
					? column.title
					: el("button", { type: "button", on: { click: () => onSort(column.sort ?? "") } }, column.title),
			),
		);
		this.table = el(
			"table",
			{},
			el("caption", { class: "hidden" }, caption),
			el("thead", {}, el("tr", {}, ...head)),
			this.#body,
		);
		/** @type {HTMLElement} */
		this.element = el(
			"div",
			{ class: cards ? "scroll cards" : "scroll", role: "region", "aria-label": caption, tabindex: "0" },
			this.table,
			this.#empty,
		);
	}

	/** Shows by what the rows are sorted. @param {string} sort */
	sortedBy(sort) {
		for (const head of this.table.querySelectorAll("thead [data-sort]"))
			if (head.dataset.sort === sort)
				head.setAttribute("aria-sort", sort === "name" ? "ascending" : "descending");
			else head.removeAttribute("aria-sort");
	}

	/** @param {readonly Row[]} rows in the order in which they shall stand */
	update(rows) {
		const wanted = new Set(rows.map(this.#keyOf));
		for (const [key, { element }] of this.#rows)
			if (!wanted.has(key)) {
				element.remove();
				this.#rows.delete(key);
			}
		let at = this.#body.firstElementChild;
		for (const row of rows) {
			const { element, cells } = this.#row(this.#keyOf(row));
			for (const [index, column] of this.#columns.entries()) paint(cells[index], column, row);
			if (element === at) at = at.nextElementSibling;
			else this.#body.insertBefore(element, at);
		}
		this.#empty.hidden = rows.length > 0;
		this.table.hidden = rows.length === 0;
	}

	/** @param {string} key */
	#row(key) {
		let row = this.#rows.get(key);
		if (row === undefined) {
			const cells = this.#columns.map((column) =>
				el(column.isHeader ? "th" : "td", {
					scope: column.isHeader ? "row" : null,
					class: classOf(column),
					"data-title": column.title,
				}),
			);
			row = { element: el("tr", { "data-key": key }, ...cells), cells };
			this.#rows.set(key, row);
		}
		return row;
	}

	/** Somebody is at it: now is not the time to move rows. */
	get isInUse() {
		return this.#body.matches(":hover, :focus-within");
	}

	get keys() {
		return [...this.#body.children].map((row) => row.getAttribute("data-key") ?? "");
	}
}

/** @param {Column<any>} column */
function classOf({ numeric, wide, mid, whole, long }) {
	const classes = { numeric, "wide-only": wide, "mid-only": mid, whole, long };
	const names = Object.entries(classes).flatMap(([name, has]) => (has ? [name] : []));
	return names.join(" ") || null;
}

/**
 * @template Row
 * @param {HTMLElement | undefined} cell
 * @param {Column<Row>} column
 * @param {Row} row
 */
function paint(cell, column, row) {
	if (cell === undefined) return;
	if (column.paint) column.paint(cell, row);
	else write(cell, column.text?.(row) ?? "");
}
