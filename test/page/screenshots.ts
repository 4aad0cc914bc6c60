/**
 * Makes the pictures of the page in `docs/images/`, from the same server among fakes as its tests, in a network namespace of its own.
 * Run by `npm run screenshots`, as root; to be looked at before they are committed.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import path from "node:path";
import type { BrowserContextOptions, Page } from "playwright-core";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { startChromium, visit } from "./browser.js";
import { serveSite } from "./site.js";
import { SLOW } from "./world.js";

const FOLDER = process.env.PICTURES ?? sourceFile("docs/images");
const DISKS = 60;
const MACHINES = [0x020000000001, 0x020000000002, 0x020000000003, 0x020000000004];
/** For curves to be drawn. */
const SETTLE_MS = 2500;

interface Picture {
	readonly name: string;
	readonly hash: string;
	readonly look: BrowserContextOptions;
	readonly before?: (page: Page) => Promise<void>;
}

const wide = { viewport: { width: 1440, height: 900 } };
const dark = { colorScheme: "dark" } as const;
const phone = { viewport: { width: 360, height: 740 } };

async function chooseSnapshot(page: Page): Promise<void> {
	await page.getByRole("button", { name: /^Snapshot monday/ }).click();
}

const PICTURES: readonly Picture[] = [
	{ name: "page-disks", hash: "#/", look: wide },
	{ name: "page-disk", hash: `#/disk/${SLOW}`, look: { viewport: { width: 1440, height: 1500 } } },
	{ name: "page-network", hash: "#/network", look: { ...wide, ...dark } },
	{ name: "page-volume", hash: "#/volume/fast%2Fweb", look: wide, before: chooseSnapshot },
	{ name: "page-machines", hash: "#/machines", look: { viewport: { width: 1440, height: 560 } } },
	{ name: "page-phone", hash: "#/", look: { ...phone, ...dark } },
	{
		name: "page-remove",
		hash: `#/disk/${SLOW}`,
		look: { ...wide, ...dark },
		async before(page) {
			await page.getByRole("button", { name: "Remove" }).click();
			await page.locator("#token-input").fill("a-token-of-the-tests");
			await page.getByRole("button", { name: "Use it" }).click();
			await page.getByText("This will happen").waitFor();
		},
	},
];

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	mkdirSync(FOLDER, { recursive: true });
	t.test("pictures", async (t) => {
		const site = await serveSite(t, DISKS);
		const { arrivals } = site.control.inside.machines;
		for (const mac of MACHINES) await arrivals.boot(mac);
		const browser = await startChromium();
		t.teardown(() => browser.close());
		for (const { name, hash, look, before } of PICTURES) {
			const { page, complaints } = await visit(t, browser, `${site.url}${hash}`, look);
			await before?.(page);
			await page.waitForTimeout(SETTLE_MS);
			await page.screenshot({ path: path.join(FOLDER, `${name}.png`) });
			t.strictSame(complaints, [], name);
			await page.context().close();
		}
	});
}
