/**
 * How the page looks in Chromium, from a phone to a wide screen, light and dark: nothing is wider than the screen, all text stands out from
 * its ground, whatever can be used has a name, and the colours can be chosen.
 */

import { execFileSync } from "node:child_process";
import type { Browser, Page } from "playwright-core";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { variants } from "../support/long.js";
import { chromiumMissing, startChromium, visit } from "./browser.js";
import { type Site, serveSite } from "./site.js";
import { SLOW } from "./world.js";

const WIDTHS = [360, 768, 1440, 2560];
const VIEWS = [
	["", "All disks"],
	[`#/disk/${SLOW}`, "asks most of this disk"],
	["#/network", "unknownAddress"],
	["#/events", "serves 9.200 too"],
	["#/configuration", "What is running is what the files say"],
	["#/add", "Memory instead of a file"],
	["#/pools", "fast/mail"],
	["#/volume/fast%2Fweb", "installed"],
	["#/machines", "lab-020000000001"],
] as const;

const missing = chromiumMissing();
if (missing !== undefined) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const browser = await startChromium();
	t.teardown(() => browser.close());
	for (const colorScheme of ["light", "dark"] as const) ofViews(browser, colorScheme);
	ofColours(browser);
}

/** Elements that end beyond the screen, but in what can be scrolled by itself. */
const TOO_WIDE = `[...document.querySelectorAll("body *")]
	.filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.closest(".scroll, pre, .hidden, .u-wrap"))
	.map((each) => each.outerHTML.slice(0, 100))`;

/** Buttons, links and fields without a name. */
const NAMELESS = `[...document.querySelectorAll("a, button, input, select, textarea, canvas.heat")]
	.filter((each) => !(each.textContent.trim() || each.getAttribute("aria-label") || each.labels?.length))
	.map((each) => each.outerHTML)`;

/** Texts whose contrast (WCAG 2) is below 4.5; colours are resolved by painting them. */
const FAINT = `(() => {
	const context = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
	const paint = (colour) => { context.fillStyle = colour; context.fillRect(0, 0, 1, 1); };
	const light = () => {
		const [r, g, b] = [...context.getImageData(0, 0, 1, 1).data].map((part) => part / 255)
			.map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
		return 0.2126 * r + 0.7152 * g + 0.0722 * b;
	};
	const groundsOf = (each) => each === null ? [] : [...groundsOf(each.parentElement), getComputedStyle(each).backgroundColor];
	const contrast = (each) => {
		paint("Canvas");
		for (const ground of groundsOf(each)) paint(ground);
		const below = light();
		paint(getComputedStyle(each).color);
		const text = light();
		return (Math.max(text, below) + 0.05) / (Math.min(text, below) + 0.05);
	};
	const hasText = (each) => [...each.childNodes].some((node) => node.nodeType === 3 && node.data.trim());
	return [...document.querySelectorAll("body *")]
		.filter((each) => hasText(each) && each.checkVisibility() && !each.matches(":disabled, option"))
		.filter((each) => contrast(each) < 4.5)
		.map((each) => contrast(each).toFixed(2) + " " + each.outerHTML.slice(0, 100));
})()`;

/** Curves are drawn anew when they have heard of another width. */
async function fitting(page: Page): Promise<void> {
	const fits = async () => ((await page.evaluate(TOO_WIDE)) as string[]).length === 0;
	await until("it fits", fits, LIMIT_MS).catch(() => undefined);
}

async function opened(t: Test, browser: Browser, site: Site, colorScheme: "light" | "dark"): Promise<Page> {
	const { page } = await visit(t, browser, site.url, { colorScheme, reducedMotion: "reduce" });
	return page;
}

function ofViews(browser: Browser, colorScheme: "light" | "dark"): void {
	t.test(`${colorScheme}: each view fits each screen, can be read, and names what can be used`, async (t) => {
		const site = await serveSite(t, 12, 10);
		const page = await opened(t, browser, site, colorScheme);
		// Where things are does not depend on their colours.
		const widths = colorScheme === "light" ? variants(WIDTHS, 0, 2) : variants(WIDTHS, 0);
		for (const [hash, text] of VIEWS) {
			await page.goto(`${site.url}${hash}`);
			await page.getByText(text).first().waitFor();
			for (const width of widths) {
				await page.setViewportSize({ width, height: 800 });
				await fitting(page);
				t.strictSame(await page.evaluate(TOO_WIDE), [], `${hash || "#/"} at ${width}`);
				t.equal(await page.evaluate("document.documentElement.scrollWidth"), width);
			}
			t.strictSame(await page.evaluate(NAMELESS), [], `${hash}: names`);
			t.strictSame(await page.evaluate(FAINT), [], `${hash}: contrast`);
		}
	});
}

function ofColours(browser: Browser): void {
	t.test("colours follow the system, or what was chosen, also after a reload", async (t) => {
		const site = await serveSite(t, 8, 2);
		const page = await opened(t, browser, site, "dark");
		const scheme = () => page.evaluate("getComputedStyle(document.body).backgroundColor");
		const dark = await scheme();
		await page.getByRole("button", { name: "Colours: system" }).click();
		const light = await scheme();
		t.not(light, dark);
		await page.reload();
		t.equal(await scheme(), light, "it is kept");
		await page.getByRole("button", { name: "Colours: light" }).click();
		t.equal(await scheme(), dark);
		await page.emulateMedia({ colorScheme: "light" });
		t.equal(await scheme(), dark);
		await page.getByRole("button", { name: "Colours: dark" }).click();
		t.equal(await scheme(), light, "as the system again");
		t.equal(
			await page.evaluate(`getComputedStyle(document.querySelector("button")).transitionDuration`),
			"0s",
			"nothing moves for those who do not want it",
		);
	});
}
