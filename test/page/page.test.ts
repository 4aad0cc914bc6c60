/**
 * The page in Chromium, by mouse: what it says at first sight, that it changes by itself, and that whatever is in names and messages
 * stays text. The server is a control process among fakes.
 */

import { execFileSync } from "node:child_process";
import type { Browser } from "playwright-core";
import t from "tap";
import { TOKEN } from "../control/stage.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { isLong, rounds } from "../support/long.js";
import { chromiumMissing, startChromium, visit } from "./browser.js";
import { serveSite } from "./site.js";
import { BROKEN, BUSY_INITIATOR, SLOW } from "./world.js";

/** Who asks from there asks from another machine, as far as the server can tell. */
const ELSEWHERE = "192.0.2.1";
const MANY = rounds(1024, 4096);
/** Of the largest: each has a GiB more than the one before, and the broken one is not known. */
const LARGEST = isLong ? "4 TiB" : "1023 GiB";
const missing = chromiumMissing();
if (missing !== undefined) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	execFileSync("ip", ["address", "add", `${ELSEWHERE}/32`, "dev", "lo"], { timeout: LIMIT_MS });
	const browser = await startChromium();
	t.teardown(() => browser.close());
	ofFirstSight(browser);
	ofOneDisk(browser);
	ofOthers(browser);
	ofLosing(browser);
	ofThousands(browser);
	ofToken(browser);
}

function ofFirstSight(browser: Browser): void {
	t.test("at first sight it says which disk is slow, who loads it and what is broken", async (t) => {
		const { url } = await serveSite(t, 20, 10);
		const { page, complaints } = await visit(t, browser, url);
		const card = (title: string) => page.locator(".card", { hasText: title });
		await card("Slowest now").getByRole("link", { name: SLOW }).waitFor();
		t.match(await card("Slowest now").innerText(), new RegExp(`${SLOW} \\d.* m?s[\\s\\S]*${BUSY_INITIATOR}`));
		t.match(await card("Busiest now").innerText(), /02:00:00:00:00:03 [\d.]+ ?k?\/s[\s\S]*db-primary/);
		t.match(await card("Broken now").innerText(), new RegExp(`${BROKEN}: .*No such file`));
		const first = page.locator("tbody tr").first();
		await first.waitFor();
		t.match(await first.innerText(), new RegExp(`${SLOW}\\s+open`), "the slow one is the first of the list");
		await first.locator("polyline[points*=',']").waitFor({ state: "attached" });
		await card("Broken now").getByRole("link", { name: BROKEN }).click();
		await page.getByText("It is tried again at").waitFor();
		t.match(await page.title(), BROKEN);
		t.strictSame(
			complaints,
			[],
			"nothing is asked of another host, and the browser has nothing to complain of",
		);
	});
}

function ofOneDisk(browser: Browser): void {
	t.test(
		"a disk has curves, a heat map, initiators, errors and events, and names are only text",
		async (t) => {
			const { url, control, world } = await serveSite(t, 20);
			const { page, complaints } = await visit(t, browser, `${url}#/disk/${SLOW}`);
			await page.getByText("asks most of this disk").waitFor();
			await page.locator(".plot canvas").nth(2).waitFor();
			t.equal(await page.locator(".plot canvas").count(), 3);
			await page.getByText(/^About [\d,]+ requests; most took/).waitFor();
			t.match(await page.locator("canvas.heat").getAttribute("aria-label"), /About [\d,]+ requests/);
			await page.locator("canvas.heat").hover();
			await page.getByText(/^\d\d:\d\d:\d\d: [\d,]+ requests, (up to|over)/).waitFor();
			const errors = page.getByRole("region", { name: "Errors by cause" });
			await errors.getByText("medium error").waitFor();
			t.match(await errors.innerText(), /medium error\s+\d+/);
			const message = `disk ${SLOW}: <img src=x onerror="alert(1)"> </td><script>alert(2)</script>`;
			control.inside.events.add({ kind: "fault", severity: "error", disk: SLOW, message });
			await page.getByText(message).waitFor();
			t.equal(await page.locator("main img, main script").count(), 0);
			world.rivals = [{ netif: "eth0", mac: "02:00:00:00:00:66" }];
			await page
				.getByText(/^On eth0 02:00:00:00:00:66 answers for [\d.]+ too, and may have other data\.$/)
				.waitFor();
			t.strictSame(complaints, []);
		},
	);
}

function ofOthers(browser: Browser): void {
	t.test(
		"links have their drops by reason, events come by themselves, files stand beside what runs",
		async (t) => {
			const { url, control } = await serveSite(t, 20, 10);
			const { page, complaints } = await visit(t, browser, url);
			await page.getByRole("link", { name: "Network" }).click();
			const drops = page.getByRole("region", { name: "Drops by reason" });
			await drops.getByText("unknownAddress").waitFor();
			t.match(await drops.innerText(), /for a shelf and slot that are not served here/);
			const links = page.getByRole("region", { name: "Links" });
			await links.getByText("no cable").waitFor();
			t.match(await links.innerText(), /eth1\s+down\s+no cable/);
			await page.getByRole("link", { name: "Events" }).click();
			await page.getByText("serves 9.200 too").waitFor();
			control.inside.events.add({ kind: "log", severity: "info", message: "something new" });
			await page.getByText("something new").waitFor();
			await page.getByLabel("Severity").selectOption("error");
			await page.getByText("something new").waitFor({ state: "hidden" });
			await page.getByRole("link", { name: "Configuration" }).click();
			await page.getByText("What is running is what the files say").waitFor();
			t.match(await page.getByLabel("What is running").innerText(), /\[disk\.web\]/);
			t.strictSame(complaints, []);
		},
	);
}

function ofLosing(browser: Browser): void {
	t.test(
		"a server that is gone is told, and one that is back is found; nobody asks for a hidden tab",
		async (t) => {
			const site = await serveSite(t, 20, 2);
			const { page, complaints } = await visit(t, browser, site.url);
			await page.getByRole("link", { name: SLOW }).first().waitFor();
			await site.stop();
			await page.getByText(/not connected since \d\d:\d\d:\d\d/).waitFor();
			await site.start();
			await page.getByText("live", { exact: true }).waitFor();
			t.strictSame(
				complaints.filter((line) => !line.includes("ERR_CONNECTION_REFUSED")),
				[],
			);
			let asked = 0;
			let askedBefore = -1;
			page.on("request", () => asked++);
			await page.evaluate(hidden(true));
			await until(
				"it is quiet for more than two rounds",
				async () => {
					askedBefore = asked;
					await page.waitForTimeout(2500);
					return asked === askedBefore;
				},
				LIMIT_MS,
			);
			await page.evaluate(hidden(false));
			await until("it asks again", () => asked > askedBefore, LIMIT_MS);
		},
	);
}

function ofToken(browser: Browser): void {
	t.test("from another machine the token is asked for once, for all that the page shows", async (t) => {
		const { control, url } = await serveSite(t, 8, 2, ELSEWHERE);
		const { page, complaints } = await visit(t, browser, url);
		await page.locator("#token-input").waitFor();
		t.equal(await page.locator(".card a").count(), 0, "nothing is shown without it");
		await page.getByRole("button", { name: "I have none" }).click();
		await page.getByText(/this wants "Authorization: Bearer TOKEN"/).waitFor();
		await page.getByRole("button", { name: "Enter the token" }).click();
		await page.locator("#token-input").fill(TOKEN);
		await page.getByRole("button", { name: "Use it" }).click();
		await page.locator(".card").getByRole("link", { name: SLOW }).waitFor();
		await page.getByRole("link", { name: "Events" }).click();
		await page.getByText("serves 9.200 too").waitFor();
		control.inside.events.add({ kind: "log", severity: "info", message: "one that came later" });
		await page.getByText("one that came later").waitFor();
		t.equal(await page.locator("dialog").count(), 0);
		await page.reload();
		await page.getByText("one that came later").waitFor();
		t.equal(await page.locator("dialog").count(), 0, "this tab keeps it");
		t.strictSame(complaints, []);
	});
}

/** What makes the page believe that its tab is, or is not, seen. */
function hidden(is: boolean): string {
	return `Object.defineProperty(document, "hidden", { value: ${is}, configurable: true });
		document.dispatchEvent(new Event("visibilitychange"))`;
}

function ofThousands(browser: Browser): void {
	t.test("thousands of disks are searched, sorted and turned in pages", async (t) => {
		const { url } = await serveSite(t, MANY, 2);
		const many = MANY.toLocaleString("en-US");
		const { page, complaints } = await visit(t, browser, url);
		await page.getByText(`1 to 50 of ${many}`).waitFor();
		await page.getByRole("button", { name: "Next" }).click();
		await page.getByText(`51 to 100 of ${many}`).waitFor();
		await page.getByRole("button", { name: "Size" }).click();
		await page.locator('[aria-sort="descending"]', { hasText: "Size" }).waitFor();
		await page.locator("tbody tr").first().getByText(LARGEST).waitFor();
		t.equal(await page.locator("tbody tr").count(), 50, "no more than can be looked at");
		await page.getByLabel("Highest first by").selectOption("name");
		await page.getByText(`1 to 50 of ${many}`).waitFor();
		await page.locator('[aria-sort="ascending"]', { hasText: "Disk" }).waitFor();
		await page.getByLabel("Search").fill("db-");
		await page.getByText("1 to 2 of 2").waitFor();
		t.match(await page.locator("tbody").first().innerText(), /db-primary[\s\S]*db-replica/);
		await page.getByLabel("State").selectOption("failed");
		await page.getByText("No disk matches").waitFor();
		t.strictSame(complaints, []);
	});
}
