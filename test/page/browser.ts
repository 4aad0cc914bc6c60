/**
 * Debian's Chromium for tests of the page, driven by playwright-core: one process a test file, ended with it. Whatever a page asks of
 * another host than its own, and whatever it complains of, is noted. Only in network namespaces: whoever uses it is in one.
 */

import { accessSync, constants } from "node:fs";
import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";
import { TOKEN } from "../control/stage.js";
import { LIMIT_MS } from "../support/limit.js";
import { namespacesMissing } from "../support/netns.js";

const CHROMIUM = "/usr/bin/chromium";

/** Why there can be no browser here, or undefined. */
export function chromiumMissing(): string | undefined {
	try {
		accessSync(CHROMIUM, constants.X_OK);
	} catch {
		return "the page is tested in Debian's chromium, which is not installed";
	}
	return namespacesMissing();
}

export function startChromium(): Promise<Browser> {
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

/** A new visitor, who has never been here. */
export async function visit(
	browser: Browser,
	url: string,
	options: BrowserContextOptions = {},
): Promise<Visit> {
	const context = await browser.newContext({ timezoneId: "UTC", locale: "en-GB", ...options });
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
