/** Who is connected to a disk by NBD and iSCSI, and who may be, on the page in Chromium. */

import { execFileSync } from "node:child_process";
import t from "tap";
import { viewOf } from "../control/figures.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { chromiumMissing, startChromium, visit } from "./browser.js";
import { serveSite } from "./site.js";
import { SLOW } from "./world.js";

const INITIATOR = "iqn.2026-11.org.example:host";
const TARGET = "iqn.2026-11.org.example:shop";
const CHAP = { user: "web", secret_file: "/etc/vblade/web.chap" };

const missing = chromiumMissing();
if (missing !== undefined) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const browser = await startChromium();
	t.teardown(() => browser.close());
	t.test("clients and sessions are a table, and those of AoE another one", async (t) => {
		const { stage, url } = await serveSite(t, 60, 2);
		const name = "shared";
		const body = {
			...{ name, memory: "1M", nbd: { clients: ["192.0.2.0/24"] } },
			iscsi: { target: TARGET, initiators: [INITIATOR], chap: CHAP },
		};
		t.equal((await stage.ask("POST", "/api/v1/disks", { body })).status, 202);
		const counts = { underWay: 1, reads: 12, readBytes: 2048, writes: 34, writtenBytes: 4096, errors: 5 };
		const since = new Date().toISOString();
		const client = {
			...{ ...counts, since, peer: "192.0.2.7:4711", identity: "cn:backup" },
			...{ encryption: "TLSv1.3 TLS_AES_256_GCM_SHA384", past: null, readOnly: true },
		};
		const session = {
			...{ ...counts, since, peer: "192.0.2.8:4712", initiator: INITIATOR, user: "web" },
			...{ isid: "00023d000001", headerDigest: true, dataDigest: false },
		};
		stage.workers.listener?.seen({
			...{ ...viewOf(name), aoe: null },
			nbd: { name, description: "", refused: 0, clientCount: 1, clients: [client] },
			iscsi: {
				...{ target: TARGET, lun: 0, removable: false, refused: 0, unavailable: null },
				...{ sessionCount: 3, sessions: [session] },
			},
		});
		const { page, complaints } = await visit(t, browser, `${url}#/disk/${name}`);
		await page.getByRole("row", { name: /^cn:backup 192\.0\.2\.7:4711 TLSv1\.3 .*, reads only/ }).waitFor();
		await page
			.getByRole("row", { name: /^iqn\S+:host 192\.0\.2\.8:4712 CHAP web, digests of headers/ })
			.waitFor();
		await page.getByText("And 2 others.", { exact: true }).waitFor();
		await page.getByText(`nbd:${name}, iscsi:${TARGET}/0`, { exact: true }).waitFor();
		await page.getByText(`${INITIATOR}; proved by CHAP as web`, { exact: true }).waitFor();
		t.equal(await page.getByRole("heading", { name: "Initiators", exact: true }).isVisible(), false);
		if (process.env.PICTURES !== undefined)
			await page.screenshot({ path: `${process.env.PICTURES}/clients.png`, fullPage: true });
		await page.goto(`${url}#/disk/${SLOW}`);
		await page.getByRole("heading", { name: "Initiators", exact: true }).waitFor();
		t.equal(await page.getByRole("heading", { name: "Connected", exact: true }).isVisible(), false);
		t.strictSame(complaints, []);
	});
}
