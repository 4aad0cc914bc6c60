/**
 * The window that asks for the token. Opened by `api.js` when the server wants it; nobody else sees what is typed.
 */

import { dialog } from "./dialog.js";
import { el } from "./dom.js";

/**
 * Resolves to the token, or undefined if there is none to be had.
 * @param {boolean} wasWrong the one that was given before is not the right one
 * @returns {Promise<string | undefined>}
 */
export function askToken(wasWrong) {
	return new Promise((resolve) => {
		const input = el("input", {
			id: "token-input",
			type: "password",
			autocomplete: "off",
			spellcheck: "false",
			required: true,
		});
		const open = dialog("Token", {
			onClose: () => resolve(undefined),
		});
		const form = el(
			"form",
			{
				on: {
					submit: (/** @type {Event} */ event) => {
						event.preventDefault();
						resolve(input.value.trim());
						open.close();
					},
				},
			},
			wasWrong && el("p", { class: "error", role: "alert" }, "That was not the token."),
			el(
				"p",
				{},
				"This wants the token of the server: what is in the file that [http] token_file names. It is kept in this tab alone.",
			),
			el("label", { for: "token-input" }, "Token"),
			input,
			el(
				"div",
				{ class: "buttons" },
				el("button", { type: "submit", class: "primary" }, "Use it"),
				el("button", { type: "button", on: { click: () => open.close() } }, "I have none"),
			),
		);
		open.body.append(form);
		input.focus();
	});
}
