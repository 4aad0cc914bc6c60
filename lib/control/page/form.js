/**
 * The form of a disk's settings. It is made of the schema in the server's OpenAPI document, so a new key of a disk is a new field here;
 * what the server refuses is said beside the field that it points to. Used to add, change and resize.
 */

import { get, Refused } from "./api.js";
import { wordsOf } from "./change.js";
import { el, write } from "./dom.js";
import { fieldOf } from "./fields.js";

/** @import { Field, Schema } from "./fields.js" */
/** @import { Settings } from "./settings.js" */

/** @type {Promise<Schema> | undefined} */
let schemaAsked;

/** Asked for once. @returns {Promise<Schema>} */
function settingsSchema() {
	schemaAsked ??= get("/openapi.json").then(({ components }) => components.schemas.DiskSettings);
	schemaAsked.catch(() => {
		schemaAsked = undefined;
	});
	return schemaAsked;
}

/**
 * @typedef {object} FormOptions
 * @property {Settings} settings what the fields begin with
 * @property {readonly string[] | undefined} [keys] fields that are shown; undefined: all
 * @property {readonly HTMLElement[]} [before] fields of the caller's own
 * @property {string} submit
 * @property {(settings: Settings) => Promise<void>} onSubmit
 */

/** @param {FormOptions} options */
export async function settingsForm({ settings, keys, before = [], submit, onSubmit }) {
	const { properties = {} } = await settingsSchema();
	// What concerns AoE may stand in two places; it is asked for where it belongs.
	const isElsewhere = (/** @type {string} */ key) =>
		key in (properties.aoe?.properties ?? {}) && settings[key] === undefined;
	const fields = Object.entries(properties)
		.filter(([key]) => (keys === undefined ? !isElsewhere(key) : keys.includes(key)))
		.map(([key, schema]) => fieldOf([key], schema, settings[key]));
	const general = el("p", { class: "error", role: "alert" });
	const button = el("button", { type: "submit", class: "primary" }, submit);
	const form = el(
		"form",
		{ novalidate: true },
		...before,
		...fields.map(({ element }) => element),
		general,
		el("div", { class: "buttons" }, button),
	);
	form.addEventListener("submit", async (/** @type {Event} */ event) => {
		event.preventDefault();
		if (button.disabled) return;
		button.disabled = true;
		general.textContent = "";
		for (const field of fields) field.complain("", "");
		try {
			await onSubmit({ ...withoutKeys(settings, properties, keys), ...entries(fields) });
		} catch (error) {
			showProblem(error, fields, general);
		} finally {
			button.disabled = false;
		}
	});
	return {
		element: /** @type {HTMLFormElement} */ (form),
		focus: () => form.querySelector("input, select, textarea")?.focus(),
	};
}

/** What is not in the form stays as it is. @param {Settings} settings @param {object} properties @param {readonly string[] | undefined} keys */
function withoutKeys(settings, properties, keys) {
	return Object.fromEntries(
		Object.entries(settings).filter(([key]) => !(keys ?? Object.keys(properties)).includes(key)),
	);
}

/** @param {readonly Field[]} fields @returns {Settings} */
function entries(fields) {
	return Object.fromEntries(
		fields.flatMap(({ key, value }) => {
			const entered = value();
			return entered === undefined ? [] : [[key, entered]];
		}),
	);
}

/** @param {unknown} error @param {readonly Field[]} fields @param {HTMLElement} general */
function showProblem(error, fields, general) {
	const errors = error instanceof Refused ? error.errors : [];
	const unplaced = errors.filter(({ pointer, detail }) => {
		const path = pointer?.replace(/^#?\//, "") ?? "";
		return path === "" || !fields.some((field) => field.complain(path, detail));
	});
	const first = /** @type {HTMLElement | null} */ (
		general.closest("form")?.querySelector("[aria-invalid=true]")
	);
	first?.focus();
	write(general, first ? unplaced.map(({ detail }) => detail).join("\n") : wordsOf(error));
}
