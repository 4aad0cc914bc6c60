/**
 * Changes made on the page in Chromium, by keyboard alone and by mouse: the token is asked for once, what will happen is said first, what
 * is wrong is said beside its field, and nobody overwrites what somebody else has changed meanwhile.
 */

import { execFileSync } from "node:child_process";
import type { Browser, Page } from "playwright-core";
import t, { type Test } from "tap";
import { TOKEN } from "../control/stage.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { chromiumMissing, giveToken, startChromium, visit } from "./browser.js";
import { FAST, type Site, serveSite } from "./site.js";

const DISKS = 8;
const TABS_MAX = 60;
const missing = chromiumMissing();
if (missing !== undefined) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const browser = await startChromium();
	t.teardown(() => browser.close());
	ofKeyboard(browser);
	ofAdding(browser);
	ofRemoving(browser);
	ofOthers(browser);
	ofReloading(browser);
	ofVolumes(browser);
	ofMachines(browser);
}

async function settingsOf(site: Site, name: string) {
	return (await site.stage.ask("GET", `/api/v1/disks/${name}`)).body.settings;
}

/** What has the keyboard, in words. */
function focused(page: Page): Promise<string> {
	return page.evaluate(
		`(document.activeElement?.labels?.[0] ?? document.activeElement)?.textContent?.trim() ?? ""`,
	);
}

/** Goes on until something of this name has the keyboard. */
async function tabTo(t: Test, page: Page, name: RegExp): Promise<void> {
	for (let tabs = 0; tabs < TABS_MAX; tabs++) {
		await page.keyboard.press("Tab");
		if (!name.test(await focused(page))) continue;
		const outline = await page.evaluate(`getComputedStyle(document.activeElement).outlineStyle`);
		t.not(outline, "none", `one sees that ${name.source} has the keyboard`);
		return;
	}
	throw new Error(`${name.source} can't be reached by the keyboard`);
}

function ofKeyboard(browser: Browser): void {
	t.test("by keyboard alone a disk is found and its limit changed", async (t) => {
		const site = await serveSite(t, DISKS, 2);
		const { page, complaints } = await visit(t, browser, site.url);
		await page.getByRole("link", { name: "mail" }).waitFor();
		await tabTo(t, page, /^Skip to content$/);
		await page.keyboard.press("Enter");
		await tabTo(t, page, /^Search$/);
		await page.keyboard.type("mail");
		await page.getByText("1 to 1 of 1").waitFor();
		await tabTo(t, page, /^mail$/);
		await page.keyboard.press("Enter");
		await page.getByRole("heading", { name: "mail" }).waitFor();
		await page.getByRole("button", { name: "Change" }).waitFor();
		await tabTo(t, page, /^Change$/);
		await page.keyboard.press("Enter");
		await page.getByLabel(/^Operations per second/).waitFor();
		await tabTo(t, page, /^Operations per second/);
		await page.keyboard.type("750");
		await page.keyboard.press("Enter");
		await page.locator("#token-input").waitFor();
		await page.keyboard.type("wrong");
		await page.keyboard.press("Enter");
		await page.getByText("That was not the token").waitFor();
		await page.keyboard.type(TOKEN);
		await page.keyboard.press("Enter");
		await page.getByText(/limit.*750/).waitFor();
		t.equal((await settingsOf(site, "mail")).limit, undefined, "nothing has happened yet");
		await tabTo(t, page, /^Do it$/);
		await page.keyboard.press("Enter");
		await until("it is changed", async () => (await settingsOf(site, "mail")).limit?.iops === 750, LIMIT_MS);
		await until("all dialogs are gone", async () => (await page.getByRole("dialog").count()) === 0, LIMIT_MS);
		await page.getByText('"iops": 750').waitFor();
		t.match(await page.locator(".words").innerText(), /as the files say again after a reload/);
		await page.locator("canvas.heat").focus();
		await page.keyboard.press("ArrowLeft");
		await page.getByText(/^\d\d:\d\d:\d\d: [\d,]+ requests/).waitFor();
		t.strictSame(complaints, []);
	});
}

function ofAdding(browser: Browser): void {
	t.test("a disk is added; what is wrong is said beside the field", async (t) => {
		const site = await serveSite(t, DISKS, 2);
		const { page, complaints } = await visit(t, browser, site.url);
		await page.getByRole("link", { name: "Add a disk" }).click();
		await page.getByRole("textbox", { name: "Name", exact: true }).fill("new");
		await page.getByLabel(/^Memory instead/).fill("64M");
		await page.getByLabel(/^Address/).fill("nine");
		await page.getByLabel(/^Links/).fill("eth0");
		await page.getByLabel(/As the disk is called/).check();
		await page.getByRole("button", { name: "What will happen" }).click();
		await giveToken(page);
		const wrong = page.locator(".field", { has: page.getByLabel(/^Address/) });
		await wrong.getByText(/shelf and slot are allowed/).waitFor();
		t.match(await focused(page), /^Address/);
		await page.getByLabel(/^Address/).fill("40.0");
		await page.getByRole("button", { name: "What will happen" }).click();
		await page.getByText("This will happen").waitFor();
		t.match(await page.getByRole("dialog").innerText(), /disk new/);
		await page.keyboard.press("Escape");
		t.equal((await site.stage.ask("GET", "/api/v1/disks/new")).status, 404, "Escape: nothing is done");
		await page.getByRole("button", { name: "What will happen" }).click();
		await page.getByRole("button", { name: "Do it" }).click();
		await page.getByRole("heading", { name: "new" }).waitFor();
		t.strictSame((await settingsOf(site, "new")).aoe, { address: "40.0", netif: ["eth0"] });
		t.strictSame((await settingsOf(site, "new")).nbd, {}, "with nothing in it");
		t.strictSame(complaints, []);
	});
}

function ofRemoving(browser: Browser): void {
	t.test("a disk is fenced, unfenced and removed, and who uses it is said first", async (t) => {
		const site = await serveSite(t, DISKS, 2);
		const { page, complaints } = await visit(t, browser, `${site.url}#/disk/web`);
		await page.getByRole("button", { name: "Fence" }).click();
		await page.getByText("It is in use by 02:00:00:00:00:01").waitFor();
		await page.getByRole("button", { name: "Fence it" }).click();
		await giveToken(page);
		await page.locator(".badge.fenced").first().waitFor();
		t.equal(await site.stage.state("web"), "fenced");
		await page.getByRole("button", { name: "Unfence" }).click();
		await page.getByRole("button", { name: "Unfence it" }).click();
		await page.locator(".badge.open").first().waitFor();
		await page.getByRole("button", { name: "Remove" }).click();
		await page.getByText("it is in use by 02:00:00:00:00:01").waitFor();
		await page.getByRole("button", { name: "Leave it as it is" }).click();
		t.equal(await site.stage.state("web"), "open");
		await page.getByRole("button", { name: "Remove" }).click();
		await page.getByRole("button", { name: "Remove it" }).click();
		await page.getByRole("heading", { name: "All disks" }).waitFor();
		t.equal((await site.stage.ask("GET", "/api/v1/disks/web")).status, 404);
		t.strictSame(complaints, []);
	});
}

function ofOthers(browser: Browser): void {
	t.test("what somebody else has changed meanwhile is shown, and not overwritten", async (t) => {
		const site = await serveSite(t, DISKS, 2);
		const { page } = await visit(t, browser, `${site.url}#/disk/mail`);
		await page.getByRole("button", { name: "Change" }).click();
		await page.getByLabel(/^Operations per second/).fill("100");
		await site.stage.done(await site.stage.askTagged("PATCH", "mail", { body: { read_only: true } }));
		await page.getByRole("button", { name: "What will happen" }).click();
		await giveToken(page);
		await page.getByText("read_only (default) -> true").waitFor();
		await page.getByRole("button", { name: "Back to the form" }).click();
		await page.getByRole("button", { name: "What will happen" }).click();
		await page.getByText("This will happen").waitFor();
		await page.getByRole("button", { name: "Do it" }).click();
		await page.getByText('"iops": 100').waitFor();
		t.match(await settingsOf(site, "mail"), { limit: { iops: 100 }, read_only: true }, "both are there");
	});

	t.test("a disk gets another size", async (t) => {
		const site = await serveSite(t, DISKS, 2);
		const { page } = await visit(t, browser, `${site.url}#/disk/mail`);
		await page.getByRole("button", { name: "Resize" }).click();
		await page.getByText("A file that has grown is noticed by itself").waitFor();
		t.equal(await page.getByRole("dialog").locator("input").count(), 2);
		await page.getByLabel(/^Length/).fill("2048");
		await page.getByRole("button", { name: "What will happen" }).click();
		await giveToken(page);
		await page.getByText("initiators notice").waitFor();
		await page.getByRole("button", { name: "Do it" }).click();
		await page.getByText('"length": 2048').waitFor();
		t.equal((await settingsOf(site, "mail")).file, "/srv/vblade/mail.img", "all else stays");
	});
}

function ofReloading(browser: Browser): void {
	t.test("a reload says what it will do, and what is wrong with the files", async (t) => {
		const site = await serveSite(t, DISKS, 2);
		const good = site.stage.opener.text;
		site.stage.opener.text = `${good}\n[disk.more]\nmemory = "1M"\n`;
		const { page, complaints } = await visit(t, browser, `${site.url}#/configuration`);
		await page.getByText(/A reload would do this/).waitFor();
		await page.getByRole("button", { name: "Enter it" }).click();
		await giveToken(page);
		t.match(await page.getByLabel("/etc/vblade/vblade.toml").innerText(), /\[disk\.more\]/);
		await page.getByRole("button", { name: "Reload" }).click();
		t.match(await page.getByRole("dialog").innerText(), /disk more/);
		await page.getByRole("dialog").getByRole("button", { name: "Reload" }).click();
		await page.getByText("What is running is what the files say").waitFor();
		t.equal(await site.stage.state("more"), "open");
		site.stage.opener.text = `${good}\n[disk.bad]\nmemry = "1M"\n`;
		await page.getByText("The files have errors; a reload would change nothing").waitFor();
		await page.getByText(/vblade\.toml:\d+:\d+: .*memry/).waitFor();
		t.strictSame(complaints, []);
	});
}

function ofVolumes(browser: Browser): void {
	t.test("a volume's past is looked at, compared and gone back to, by keyboard", async (t) => {
		const { stage, url } = await serveSite(t, DISKS, 2);
		stage.opener.text += '[disk.db]\nvolume = "fast/web"\n';
		await stage.done(await stage.ask("POST", "/api/v1/reload"));
		const { page, complaints } = await visit(t, browser, `${url}#/pools`);
		await page.getByRole("link", { name: "fast/web" }).click();
		await page.getByRole("heading", { name: "fast/web" }).waitFor();
		await page.getByRole("button", { name: /^Snapshot monday/ }).press("Enter");
		await page.getByText(/^Snapshot monday: .*1 days ago|^Snapshot monday: .*26 h ago/).waitFor();
		await page.getByRole("button", { name: "Roll back" }).press("Enter");
		const words = await page.getByRole("dialog").innerText();
		t.match(words, /Disk db is closed: its initiators are cut off/, "what will happen is said first");
		t.match(words, /How it is now is kept as another snapshot, before-monday/);
		t.notOk(stage.workers.calls.includes("remove db"));
		await page.getByRole("dialog").getByRole("button", { name: "Roll back" }).press("Enter");
		await giveToken(page);
		const back = `pool ${FAST} {"act":"rollback","volume":"web","snapshot":"monday"}`;
		await until("it goes back", async () => stage.workers.calls.includes(back), LIMIT_MS);
		t.ok(stage.workers.calls.includes("remove db"), "nobody has it open then");
		await until("no dialog", async () => (await page.getByRole("dialog").count()) === 0, LIMIT_MS);
		await page.getByLabel("A moment of the past").press("ArrowLeft");
		await page.getByText(/^The moment /).waitFor();
		t.ok(await page.getByRole("button", { name: "Hold" }).isDisabled(), "that wants a snapshot");
		await page.getByRole("button", { name: "Roll back" }).press("Enter");
		await page.getByText(/as another snapshot, before-moment-\d{8}T\d{6}Z/).waitFor();
		await page.keyboard.press("Escape");
		await page.getByRole("button", { name: "Compare with now" }).press("Enter");
		await page.getByText("12 KiB in 2 places were written since then").waitFor();
		await page.getByRole("link", { name: "Serve it as a disk" }).press("Enter");
		t.match(await page.getByLabel(/^Volume of a pool instead/).inputValue(), /^fast\/web@\d{4}-.*Z$/);
		await page.goBack();
		await page.getByRole("heading", { name: "fast/web" }).waitFor();
		await page.getByLabel("A moment of the past").press("ArrowLeft");
		await page.getByText(/^The moment /).waitFor();
		await page.getByRole("button", { name: "Clone" }).press("Enter");
		await page.getByLabel("Name of the new volume").fill("then");
		await page.getByRole("button", { name: "Make it" }).press("Enter");
		const cloned = (): boolean =>
			stage.workers.calls.some((call) => /"clone","volume":"web","snapshot":"2.*Z","name":"then"/.test(call));
		await until("it is cloned", async () => cloned(), LIMIT_MS);
		t.strictSame(complaints, []);
	});
}

function ofMachines(browser: Browser): void {
	t.test("a machine is reset, kept, made the golden image and removed", async (t) => {
		const { stage, url, control } = await serveSite(t, DISKS, 2);
		const name = "lab-020000000002";
		t.match(await control.inside.machines.arrivals.boot(0x020000000002), { kind: "boot", address: "20.1" });
		const { page, complaints } = await visit(t, browser, `${url}#/machines`);
		await page.getByRole("row", { name }).getByText("open").waitFor();
		const press = (words: string) => page.getByRole("button", { name: `${words}: ${name}` }).press("Enter");
		const acts = (act: string): boolean =>
			stage.workers.calls.some((call) => call.startsWith("pool ") && call.includes(`"act":"${act}"`));
		const confirm = async (words: RegExp, button: string): Promise<void> => {
			t.match(await page.getByRole("dialog").innerText(), words, "what will happen is said first");
			await page.getByRole("dialog").getByRole("button", { name: button }).press("Enter");
		};
		const closed = () =>
			until("no dialog", async () => (await page.getByRole("dialog").count()) === 0, LIMIT_MS);
		await press("Reset");
		stage.workers.calls.length = 0;
		await confirm(/All that it has written is lost/, "Reset it");
		await giveToken(page);
		await closed();
		t.ok(acts("clone"));
		await page.getByText(`${name} is made anew.`).waitFor();
		await press("Make golden");
		await confirm(/All others go on with what they have/, "Make it golden");
		// (Not as a fault.)
		await page.locator(".muted", { hasText: /made golden here: it is so until the files name/ }).waitFor();
		t.ok(acts("snapshot"));
		await closed();
		await press("Don’t keep");
		await page.getByText("made anew, as was said of it").waitFor();
		await press("Keep");
		await page.getByText("as it was, as was said of it").waitFor();
		await page.getByRole("button", { name: "Remove: lab-020000000003" }).press("Enter");
		await confirm(/The address 20\.2 is free for another machine/, "Remove it");
		await closed();
		await until(
			"it is gone",
			async () => (await page.getByRole("row", { name: "lab-020000000003" }).count()) === 0,
			LIMIT_MS,
		);
		stage.opener.text = stage.opener.text.replace("[template.lab]", "[template.room]");
		await control.reload();
		await page.getByRole("row", { name }).getByText("template lab is not configured any more").waitFor();
		t.equal(await page.getByRole("button", { name: `Reset: ${name}` }).count(), 0, "that can't be");
		t.strictSame(complaints, []);
	});
}
