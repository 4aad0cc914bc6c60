/**
 * The view in which a disk is added. Called by `app.js`.
 */

import { diskPath } from "./api.js";
import { propose, wordsOf } from "./change.js";
import { el } from "./dom.js";
import { settingsForm } from "./form.js";

/**
 * @param {HTMLElement} main
 * @param {import("./live.js").Live} live
 * @param {string} volume what it is to be on, if that is known already: POOL/VOLUME, or what that was
 */
export function addView(main, live, volume) {
	const place = el("p", { class: "muted" }, "...");
	main.append(
		el("p", {}, el("a", { href: "#/" }, "All disks")),
		el("h1", {}, "Add a disk"),
		el(
			"p",
			{},
			"It is kept in runtime.toml and served again after a restart. A file has to lie below what [daemon] allow names.",
		),
		place,
	);
	const name = el("input", {
		id: "name",
		type: "text",
		autocomplete: "off",
		spellcheck: "false",
		maxlength: "64",
	});
	const nameField = el(
		"div",
		{ class: "field" },
		el("label", { for: "name" }, "Name"),
		name,
		el("p", { class: "muted" }, "letters, digits, - _ and ."),
	);
	settingsForm({
		settings: volume === "" ? {} : { volume },
		before: [nameField],
		submit: "What will happen",
		onSubmit: (settings) =>
			propose({
				title: `Add disk ${name.value.trim()}`,
				method: "POST",
				path: "/api/v1/disks",
				body: { name: name.value.trim(), ...settings },
				onDone() {
					location.hash = diskPath(name.value.trim()).replace("/api/v1/disks/", "#/disk/");
				},
			}),
	}).then(
		(form) => {
			if (live.signal.aborted) return;
			place.replaceWith(form.element);
			form.focus();
		},
		(error) => {
			place.textContent = wordsOf(error);
		},
	);
}
