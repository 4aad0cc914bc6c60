/**
 * The page begins here: which view is shown (by what follows `#` in the address), the colours, whether the server answers, and the
 * stream of events. Everything it shows it has from the API, of the server that it came from.
 */

import { access, connection, demandToken } from "./api.js";
import { configurationView } from "./configuration.js";
import { diskView } from "./disk.js";
import { write } from "./dom.js";
import { eventsView } from "./events.js";
import { feed } from "./events-feed.js";
import { addView } from "./form-view.js";
import { time } from "./format.js";
import { Live } from "./live.js";
import { machinesView } from "./machines.js";
import { networkView } from "./network.js";
import { overview } from "./overview.js";
import { poolsView } from "./pools.js";
import { volumeView } from "./volume.js";

/**
 * Builds itself in `main`, and asks for what it shows as long as `live` lasts.
 * @typedef {(main: HTMLElement, live: Live, name: string) => void} View
 */

/** @type {Readonly<Record<string, { view: View, title: string }>>} */
const VIEWS = {
	"": { view: overview, title: "Disks" },
	disk: { view: diskView, title: "Disk" },
	add: { view: addView, title: "Add a disk" },
	pools: { view: poolsView, title: "Pools" },
	volume: { view: volumeView, title: "Volume" },
	machines: { view: machinesView, title: "Machines" },
	network: { view: networkView, title: "Network" },
	events: { view: eventsView, title: "Events" },
	configuration: { view: configurationView, title: "Configuration" },
};

/** Views that are reached from another one. @type {Readonly<Record<string, string>>} */
const BELOW = { disk: "", add: "", volume: "pools" };

const THEMES = /** @type {const} */ ({ auto: "system", light: "light", dark: "dark" });
const THEME = "vblade-theme";

const main = /** @type {HTMLElement} */ (document.getElementById("main"));
/** @type {Live | undefined} */
let live;

function show() {
	const [, place = "", name = ""] = location.hash.split("/");
	const { view, title } = VIEWS[place] ?? VIEWS[""] ?? { view: overview, title: "" };
	const isFirst = live === undefined;
	live?.end();
	live = new Live();
	main.replaceChildren();
	const shown = decodeURIComponent(name);
	document.title = `${shown || title} - vblade`;
	for (const link of document.querySelectorAll("nav a")) {
		const [, its = ""] = link.getAttribute("href")?.split("/") ?? [];
		const isHere = its === (BELOW[place] ?? place);
		if (isHere) link.setAttribute("aria-current", "page");
		else link.removeAttribute("aria-current");
	}
	view(main, live, shown);
	scrollTo(0, 0);
	// Whoever goes on by keyboard, or listens, begins at the top of what is new.
	if (!isFirst) main.focus({ preventScroll: true });
}

function showConnection() {
	const place = /** @type {HTMLElement} */ (document.getElementById("connection"));
	const { lostSince } = connection;
	place.classList.toggle("lost", lostSince !== undefined);
	write(place, lostSince === undefined ? "live" : `not connected since ${time(lostSince)}`);
	document.body.classList.toggle("stale", lostSince !== undefined);
}

function showAccess() {
	const button = document.getElementById("token");
	if (button) button.hidden = !access.declined;
}

/** @returns {keyof typeof THEMES} */
function theme() {
	const kept = localStorage.getItem(THEME);
	return kept === "light" || kept === "dark" ? kept : "auto";
}

function showTheme() {
	const button = /** @type {HTMLElement} */ (document.getElementById("theme"));
	document.documentElement.dataset.theme = theme();
	write(button, `Colours: ${THEMES[theme()]}`);
	dispatchEvent(new Event("colours"));
}

function nextTheme() {
	const names = /** @type {(keyof typeof THEMES)[]} */ (Object.keys(THEMES));
	localStorage.setItem(THEME, names[(names.indexOf(theme()) + 1) % names.length] ?? "auto");
	showTheme();
}

document.getElementById("theme")?.addEventListener("click", nextTheme);
document.getElementById("token")?.addEventListener("click", () => void demandToken());
document.getElementById("skip")?.addEventListener("click", (event) => {
	event.preventDefault();
	main.focus();
});
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", showTheme);
connection.addEventListener("change", showConnection);
access.addEventListener("change", () => {
	showAccess();
	live?.hurry();
});
addEventListener("hashchange", show);
showTheme();
showConnection();
show();
void feed.run(new AbortController().signal);
