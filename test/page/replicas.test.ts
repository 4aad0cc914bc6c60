/** Replicas of a pool on the page, in Chromium: what each lacks, and how those stand that were promoted. */

import { execFileSync } from "node:child_process";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { chromiumMissing, startChromium, visit } from "./browser.js";
import { FAST, serveSite } from "./site.js";

const DISKS = 1;

const missing = chromiumMissing();
if (missing !== undefined) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const browser = await startChromium();
	t.teardown(() => browser.close());
	t.test(
		"of each replica it is shown what it lacks, and of one that was promoted who has gone on",
		async (t) => {
			const { stage, url } = await serveSite(t, DISKS, 2);
			const follows = { lagBytes: 0, lagSeconds: 0, sentBytes: 5, givenUp: 0, state: "follows" } as const;
			const since = "2026-11-28T20:00:00.000Z";
			const side = { bytes: 4096, seconds: 12 };
			const replicas = [
				{ ...follows, name: "attic/near", promoted: null, trouble: null },
				{
					...follows,
					name: "attic/far",
					lagBytes: 2 ** 23,
					lagSeconds: 61,
					promoted: null,
					trouble: "timeout",
				},
				{
					...follows,
					name: "attic/split",
					state: "split",
					promoted: { by: "cellar", since, here: side, there: side },
					trouble: `was promoted by cellar at ${since}, and both have gone on`,
				},
			] as const;
			stage.workers.pools.set(FAST, { ...stage.workers.pools.get(FAST)!, replicas });
			const { page, complaints } = await visit(t, browser, `${url}#/pools`);
			await page.getByText("degraded", { exact: true }).waitFor();
			t.equal(
				await page.getByRole("button", { name: "Make a volume" }).isEnabled(),
				true,
				"it is used all the same",
			);
			await page.getByText("replica attic/near: lacks nothing", { exact: true }).waitFor();
			await page.getByText("replica attic/far: lacks 8 MiB, for 61 s: timeout", { exact: true }).waitFor();
			await page
				.getByText(/^replica attic\/split: was promoted by cellar at .*, and both have gone on$/)
				.waitFor();
			if (process.env.PICTURES !== undefined)
				await page.screenshot({ path: `${process.env.PICTURES}/replicas.png` });
			t.strictSame(complaints, []);
		},
	);
}
