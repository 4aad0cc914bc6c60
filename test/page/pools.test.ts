/**
 * Pools and their volumes on the page, in Chromium: space, thousands of volumes and snapshots in pages, what looks for damage with its
 * progress, and what two people do at once.
 */

import { execFileSync } from "node:child_process";
import type { Browser } from "playwright-core";
import t from "tap";
import { STORED } from "../control/figures.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { chromiumMissing, giveToken, startChromium, visit } from "./browser.js";
import { FAST, serveSite } from "./site.js";

const DISKS = 3;
const COUNT = 1000;
const MANY = rounds(1500, 3000);

const missing = chromiumMissing();
if (missing !== undefined) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const browser = await startChromium();
	t.teardown(() => browser.close());
	ofThousands(browser);
	ofStore(browser);
	ofWatching(browser);
	ofTimeline(browser);
	ofTrouble(browser);
	ofJobs(browser);
	ofTwo(browser);
}

function ofThousands(browser: Browser): void {
	t.test("a thousand volumes and snapshots are gone through in pages", async (t) => {
		const { stage, url } = await serveSite(t, DISKS, 2);
		const look = stage.workers.pools.get(FAST)!;
		const web = look.volumes.find(({ name }) => name === "web")!;
		const of = (what: string, i: number): string => `${what}-${String(i).padStart(4, "0")}`;
		const all = Array.from({ length: COUNT }, (_, i) => i);
		const snapshots = all.map((i) => ({ ...web.snapshots[1]!, name: of("auto", i) }));
		const volumes = all.map((i) => ({ ...web, name: of("v", i), snapshotCount: COUNT, snapshots }));
		stage.workers.pools.set(FAST, { ...look, volumeCount: COUNT, volumes });
		const { page, complaints } = await visit(t, browser, `${url}#/pools`);
		await page.getByText("900 GiB of 1.5 TiB used, 596 GiB free").waitFor();
		await page.getByText("730 GiB kept, 60 GiB past, 110 GiB being freed").waitFor();
		await page.getByText("1 to 50 of 1,000").waitFor();
		await page.getByRole("button", { name: "Next" }).press("Enter");
		await page.getByRole("link", { name: "fast/v-0099" }).waitFor();
		await page.getByLabel("Search").fill("v-0777");
		await page.getByText("1 to 1 of 1").waitFor();
		await page.getByRole("link", { name: "fast/v-0777" }).press("Enter");
		await page.getByRole("button", { name: "auto-0999", exact: true }).waitFor();
		await page.getByText("1 to 50 of 1,000").waitFor();
		await page.getByRole("button", { name: "Next" }).press("Enter");
		await page.getByRole("button", { name: "auto-0949", exact: true }).press("Enter");
		await page.getByText(/^Snapshot auto-0949: /).waitFor();
		t.strictSame(complaints, []);
	});
}

function ofStore(browser: Browser): void {
	t.test(
		"of a pool in an object store it is shown what is only on this host, and what it costs",
		async (t) => {
			const { stage, url } = await serveSite(t, DISKS, 2);
			stage.workers.pools.set(FAST, { ...stage.workers.pools.get(FAST)!, stored: STORED });
			const { page, complaints } = await visit(t, browser, `${url}#/pools`);
			await page.getByText("4 KiB only on this host, for 3 s").waitFor();
			await page.getByText("https://objects.example.org/gold, 7 objects of 7 MiB").waitFor();
			await page.getByText("requests: put 4, swap 2").waitFor();
			t.equal(
				await page.locator("ul.lines li").count(),
				4,
				"lines, which are not made like what can be clicked",
			);
			if (process.env.PICTURES !== undefined)
				await page.screenshot({ path: `${process.env.PICTURES}/stored.png` });
			t.strictSame(complaints, []);
		},
	);
}

function ofWatching(browser: Browser): void {
	t.test(
		"whoever looks at a volume with thousands of snapshots is told of them when they change",
		async (t) => {
			const { stage, control, url } = await serveSite(t, DISKS, 2);
			const look = stage.workers.pools.get(FAST)!;
			const web = look.volumes.find(({ name }) => name === "web")!;
			const list = (count: number) =>
				Array.from({ length: count }, (_, i) => ({ ...web.snapshots[1]!, name: `auto-${i}` }));
			const give = (change: Partial<typeof web>): void => {
				const volumes = [{ ...web, ...change }];
				stage.workers.pools.set(FAST, { ...look, volumes });
			};
			const some = list(MANY);
			give({ snapshotCount: MANY, snapshots: some });
			const { page, complaints } = await visit(t, browser, `${url}#/events`);
			const whole: number[] = [];
			const brief: number[] = [];
			page.on("response", async (response) => {
				const { pathname, search } = new URL(response.url());
				if (!pathname.startsWith("/api/v1/volumes/")) return;
				(search === "" ? whole : brief).push((await response.body()).length);
			});
			await page.getByText("Input/output error").first().waitFor();
			await page.goto(`${url}#/volume/fast%2Fweb`);
			await page.getByRole("button", { name: `auto-${MANY - 1}`, exact: true }).waitFor();
			const looks = (count: number): Promise<void> =>
				until(`${count} looks`, async () => brief.length >= count, LIMIT_MS);
			await looks(3);
			t.equal(whole.length, 1, "nothing has changed");
			t.ok(whole[0]! > 100 * MANY && brief.every((bytes) => bytes < 1000), `${whole} and ${brief} bytes`);
			give({ snapshotCount: MANY, snapshots: some, usedBytes: 9.5 * 2 ** 30 });
			await page.getByText("9.5 GiB", { exact: true }).waitFor();
			t.equal(whole.length, 1, "nor have they by what is written");
			give({
				snapshotCount: MANY,
				snapshots: some.map((each) => ({ ...each, held: each.name === `auto-${MANY - 1}` })),
			});
			control.inside.events.add({
				kind: "snapshot-changed",
				severity: "info",
				volume: "fast/mail",
				message: "other",
			});
			await looks(brief.length + 2);
			t.equal(whole.length, 1, "what becomes of others is nothing to it");
			control.inside.events.add({
				kind: "snapshot-changed",
				severity: "info",
				volume: "fast/web",
				message: "held",
			});
			await page.getByRole("cell", { name: "held", exact: true }).waitFor();
			give({ snapshotCount: MANY + 1, snapshots: list(MANY + 1) });
			await page.getByRole("button", { name: `auto-${MANY}`, exact: true }).waitFor();
			t.equal(whole.length, 3, "an event that was missed");
			t.strictSame(complaints, []);
		},
	);
}

function ofTimeline(browser: Browser): void {
	t.test(
		"by keyboard alone, on a phone, one of thousands of snapshots is chosen, or any moment",
		async (t) => {
			const { stage, url } = await serveSite(t, DISKS, 2);
			const look = stage.workers.pools.get(FAST)!;
			const web = look.volumes.find(({ name }) => name === "web")!;
			const beganMs = Date.parse(web.created);
			const created = (i: number): string =>
				new Date(beganMs + ((Date.now() - beganMs) * i) / (MANY + 1)).toISOString();
			const snapshots = Array.from({ length: MANY }, (_, i) => ({
				...web.snapshots[1]!,
				name: `auto-${i}`,
				created: created(i),
				held: i === 7,
			}));
			const quotaBytes = web.usedBytes;
			const volumes = [{ ...web, quotaBytes, snapshotCount: MANY, snapshots }];
			stage.workers.pools.set(FAST, { ...look, volumes });
			const { page, complaints } = await visit(t, browser, `${url}#/volume/fast%2Fweb`, {
				viewport: { width: 375, height: 700 },
			});
			await page.getByText(/the quota is used up, what is new is refused$/).waitFor();
			const marks = page.locator(".marks button");
			const count = await marks.count();
			t.ok(count >= 10 && count <= 25, `${count} marks that can be told from each other`);
			t.equal(await page.locator(".marks button[tabindex='0']").count(), 1, "the tabulator stops once");
			t.equal(await page.locator(".marks .held").count(), 1, "what is held is there");
			await page.getByRole("button", { name: "Remove", exact: true }).focus();
			await page.keyboard.press("Tab");
			await page.keyboard.press("Home");
			await page.keyboard.press("ArrowRight");
			await page.keyboard.press("Enter");
			t.equal(await marks.nth(1).getAttribute("aria-pressed"), "true");
			await page.keyboard.press("Tab");
			await page.keyboard.press("Tab");
			const at = new Date(Date.now() - 3_600_000).toISOString().slice(0, 19);
			await page.getByLabel("Or by its time").fill(at);
			const shown = at.slice(11);
			await page.getByText(new RegExp(`^The moment .*${shown}, 60 min ago`)).waitFor();
			t.strictSame(complaints, []);
		},
	);
}

function ofTrouble(browser: Browser): void {
	t.test("a pool whose storage has failed says so, and a clock that is not believed can be", async (t) => {
		const { stage, url } = await serveSite(t, DISKS, 2);
		const look = stage.workers.pools.get(FAST)!;
		stage.workers.pools.set(FAST, { ...look, failed: "log.000001: Input/output error: no more changes" });
		const { page, complaints } = await visit(t, browser, `${url}#/pools`);
		await page.getByText("log.000001: Input/output error: no more changes").waitFor();
		await page.goto(`${url}#/volume/fast%2Fweb`);
		await page.getByText("Pool fast: log.000001: Input/output error: no more changes").waitFor();
		await page.goto(`${url}#/pools`);
		const clockDoubt = { shows: "2036-11-25T10:00:00Z", expected: "2026-11-25T10:00:00Z" };
		stage.workers.pools.set(FAST, { ...look, clockDoubt });
		await page.getByText(/^The clock shows .*2036.* it is not believed\.$/).waitFor();
		await page.getByRole("button", { name: "Trust the clock" }).press("Enter");
		await page.getByRole("button", { name: "It is right" }).press("Enter");
		await giveToken(page);
		const wasAsked = async () => stage.workers.calls.some((call) => call.includes('"act":"trustClock"'));
		await until("it is trusted", wasAsked, LIMIT_MS);
		stage.workers.pools.set(FAST, look);
		await page.getByText(/^The clock shows/).waitFor({ state: "detached" });
		t.strictSame(complaints, []);
	});
}

function ofJobs(browser: Browser): void {
	t.test("what goes through a pool says how far it is, and is cancelled", async (t) => {
		const { control, url } = await serveSite(t, DISKS, 2);
		const { jobs } = control.inside;
		const job = jobs.begin("scrub", "scrub of pool fast", { of: "fast", total: 100, cancellable: true });
		job.reached(34);
		const { page, complaints } = await visit(t, browser, `${url}#/pools`);
		await page.getByText("scrub 34 %").waitFor();
		t.equal(await page.getByRole("button", { name: "Scrub: fast" }).count(), 0, "one at a time");
		await page.getByRole("button", { name: "Cancel: scrub of pool fast" }).press("Enter");
		await giveToken(page);
		await until("it is told to leave off", async () => job.isCancelled, LIMIT_MS);
		job.finish("cancelled", "cancelled; what was done stays");
		await page.getByText("cancelled; what was done stays").waitFor();
		await page.getByRole("button", { name: "Scrub: fast" }).press("Enter");
		await until(
			"another one",
			async () => jobs.all().filter(({ kind }) => kind === "scrub").length === 2,
			LIMIT_MS,
		);
		t.strictSame(complaints, []);
	});
}

function ofTwo(browser: Browser): void {
	t.test("what somebody else has changed meanwhile is not changed unseen", async (t) => {
		const { stage, url } = await serveSite(t, DISKS, 2);
		const { page } = await visit(t, browser, `${url}#/volume/fast%2Fweb`);
		await page.getByRole("button", { name: "What is kept" }).press("Enter");
		await page.getByLabel("Quota").fill("30G");
		const look = stage.workers.pools.get(FAST)!;
		const volumes = look.volumes.map((each) => ({ ...each, sizeBytes: each.sizeBytes * 2 }));
		stage.workers.pools.set(FAST, { ...look, volumes });
		await page.getByRole("button", { name: "Set it" }).press("Enter");
		await giveToken(page);
		await page.getByText("Somebody has changed it meanwhile: look at it again.").waitFor();
		t.notOk(stage.workers.calls.some((call) => call.includes('"act":"set"')));
		await page.keyboard.press("Escape");
		await page.getByText("40 GiB", { exact: true }).waitFor();
		await page.getByRole("button", { name: "What is kept" }).press("Enter");
		await page.getByLabel("Quota").fill("30G");
		await page.getByLabel("Keep hourly snapshots for").fill("7d");
		await page.getByRole("button", { name: "Set it" }).press("Enter");
		const asked =
			'"settings":{"historySeconds":null,"keep":{"hourly":604800,"daily":null,"weekly":null},"quotaBytes":32212254720}';
		await until("it is set", async () => stage.workers.calls.some((call) => call.includes(asked)), LIMIT_MS);
	});
}
