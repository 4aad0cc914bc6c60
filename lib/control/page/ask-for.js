/**
 * A short form in a window: some fields, and what happens when they are filled in. Used by `volume-actions.js`.
 */

import { wordsOf } from "./change.js";
import { dialog } from "./dialog.js";
import { el, write } from "./dom.js";

/**
 * @typedef {object} Asked
 * @property {string} title
 * @property {readonly string[]} sentences what will happen
 * @property {readonly { key: string, label: string, hint?: string, value?: string, choices?: readonly string[] }[]} fields
 * @property {string} submit
 * @property {(values: Readonly<Record<string, string>>) => Promise<void>} act an Error of `sizeOf` is said as it is
 */

/** @param {Asked} asked */
export function askFor({ title, sentences, fields, submit, act }) {
	const open = dialog(title);
	const wrong = el("p", { class: "error", role: "alert" });
	const button = el("button", { type: "submit", class: "primary" }, submit);
	const inputs = fields.map((field) => ({ key: field.key, input: inputOf(field), field }));
	const form = el(
		"form",
		{ novalidate: true },
		...sentences.map((sentence) => el("p", {}, sentence)),
		...inputs.map(({ input, field: { key, label, hint } }) =>
			el(
				"div",
				{ class: "field" },
				el("label", { for: `asked-${key}` }, label),
				input,
				hint && el("p", { class: "muted" }, hint),
			),
		),
		wrong,
		el(
			"div",
			{ class: "buttons" },
			button,
			el("button", { type: "button", on: { click: () => open.close() } }, "Leave it as it is"),
		),
	);
	form.addEventListener("submit", async (/** @type {Event} */ event) => {
		event.preventDefault();
		if (button.disabled) return;
		button.disabled = true;
		write(wrong, "");
		try {
			await act(Object.fromEntries(inputs.map(({ key, input }) => [key, input.value.trim()])));
			open.close();
		} catch (error) {
			write(wrong, error instanceof NoSize ? error.message : wordsOf(error));
		} finally {
			button.disabled = false;
		}
	});
	open.body.append(form);
	inputs[0]?.input.focus();
}

/** @param {Asked["fields"][number]} field */
function inputOf({ key, value = "", choices }) {
	const id = `asked-${key}`;
	if (choices === undefined)
		return el("input", { id, type: "text", autocomplete: "off", spellcheck: "false", value });
	return el("select", { id }, ...choices.map((each) => el("option", { value: each }, each)));
}

class NoSize extends Error {}

const UNITS = { "": 1, K: 1024, M: 1024 ** 2, G: 1024 ** 3, T: 1024 ** 4 };

/** The same the other way round, without a loss. @param {number} bytes */
export function sizeTextOf(bytes) {
	const units = Object.entries(UNITS).reverse();
	const [unit = "", factor = 1] = units.find(([, each]) => bytes > 0 && bytes % each === 0) ?? [];
	return `${bytes / factor}${unit}`;
}

/** Bytes; throws if it is none. @param {string} text such as 10G */
export function sizeOf(text) {
	const [, number = "", unit = ""] = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text) ?? [];
	const bytes = Number(number) * UNITS[/** @type {keyof typeof UNITS} */ (unit)];
	if (number === "" || !Number.isSafeInteger(bytes))
		throw new NoSize(`“${text}” is no size: a number, with K, M, G or T if it is more than bytes`);
	return bytes;
}
