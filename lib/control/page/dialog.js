/**
 * Windows over the page (`<dialog>`: the browser keeps the keyboard inside, and Escape closes), and short messages that are read out.
 */

import { el } from "./dom.js";

const MESSAGE_MS = 8000;
let dialogs = 0;

/**
 * @param {string} title
 * @param {{ onClose?: () => void, wide?: boolean }} [options]
 */
export function dialog(title, { onClose, wide = false } = {}) {
	const before = document.activeElement;
	const id = `dialog-${dialogs++}`;
	const body = el("div", { class: "dialog-body" });
	const heading = el("h2", { id, tabindex: "-1" }, title);
	const element = el("dialog", { "aria-labelledby": id, class: wide ? "wide" : null }, heading, body);
	element.addEventListener("close", () => {
		element.remove();
		if (before instanceof HTMLElement) before.focus();
		onClose?.();
	});
	document.body.append(element);
	element.showModal();
	heading.focus();
	return { body: /** @type {HTMLElement} */ (body), close: () => element.close(), element };
}

/**
 * Says something for some seconds.
 * @param {string} text
 * @param {"info" | "error"} [kind]
 */
export function say(text, kind = "info") {
	const toast = el("p", { class: `toast ${kind}` }, text);
	document.getElementById("toasts")?.append(toast);
	setTimeout(() => toast.remove(), MESSAGE_MS);
}
