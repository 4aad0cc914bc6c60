/**
 * Debian's Chromium for tests of the page, driven by playwright-core: one process a test file, ended with it. Whatever a page asks of
 * another host than its own, and whatever it complains of, is noted. Only in network namespaces: whoever uses it is in one.
 */

import { accessSync, constants } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import type { Test } from "tap";
import { TOKEN } from "../control/stage.js";
import { LIMIT_MS } from "../support/limit.js";
import { namespacesMissing } from "../support/netns.js";

/** The one without windows takes a third of the processor: the other one has a bar of buttons for each visitor, though nobody sees it. */
const CHROMIUM = ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium"].find(isProgram);

function isProgram(file: string): boolean {
	try {
		accessSync(file, constants.X_OK);
		return true;
	} catch {
		return false;
	}
}

/** Why there can be no browser here, or undefined. */
export function chromiumMissing(): string | undefined {
	if (CHROMIUM === undefined)
		return "the page is tested in Debian's chromium-headless-shell, which is not installed";
	return namespacesMissing();
}

export function startChromium(): Promise<Browser> {
	if (CHROMIUM === undefined) throw new Error("there is no browser");
	return chromium.launch({
		executablePath: CHROMIUM,
		// It has no sandbox as root; what it loads is ours alone.
		args: ["--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--disable-background-networking"],
		timeout: LIMIT_MS,
	});
}

/** A browser notes each refusal and each failure to connect, which tests provoke; and, without HTTPS, a header of ours that it ignores. */
const EXPECTED = /^Failed to load resource|Cross-Origin-Opener-Policy header has been ignored/;

export interface Visit {
	readonly page: Page;
	/** What the page asked of other hosts, and what it complained of: nothing, if all is well. */
	readonly complaints: string[];
}

/** A new visitor, who has never been here, and leaves with the test: a page that nobody looks at any more would go on asking and drawing. */
export async function visit(
	t: Test,
	browser: Browser,
	url: string,
	options: BrowserContextOptions = {},
): Promise<Visit> {
	const context = await browser.newContext({ timezoneId: "UTC", locale: "en-GB", ...options });
	t.teardown(() => context.close());
	context.setDefaultTimeout(LIMIT_MS);
	const page = await context.newPage();
	const complaints: string[] = [];
	const { origin } = new URL(url);
	page.on("request", (request) => {
		if (new URL(request.url()).origin !== origin) complaints.push(`asks ${request.url()}`);
	});
	page.on("pageerror", (error) => complaints.push(String(error.stack ?? error)));
	page.on("console", (message) => {
		if (message.type() === "error" && !EXPECTED.test(message.text())) complaints.push(message.text());
	});
	page.on("dialog", (dialog) => {
		complaints.push(`a window of a script: ${dialog.message()}`);
		void dialog.dismiss();
	});
	await page.goto(url);
	return { page, complaints };
}

/** Where it is asked for. */
export async function giveToken(page: Page): Promise<void> {
	await page.locator("#token-input").fill(TOKEN);
	await page.getByRole("button", { name: "Use it" }).click();
}
