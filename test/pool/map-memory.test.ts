// What a map has in memory when its volume has 1 TiB, all mapped: a process of its own is measured, in which everything that a map takes has
// been touched.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import t from "tap";
import { OVERLAY_MAX, Overlay } from "../../lib/pool/map/overlay.js";
import { pause } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";

const MIB = 2 ** 20;
/** What a process has that serves, beside its pool. */
const OTHERS_MIB = 30;

t.setTimeout(2 * LIMIT_MS);

t.test("a volume of 1 TiB, all mapped, takes less than 300 MiB", async (t) => {
	const script = fileURLToPath(new URL("map-memory.js", import.meta.url));
	const bytes = Number(execFileSync(process.execPath, [script], { timeout: LIMIT_MS, encoding: "utf8" }));
	t.ok(bytes > 150 * MIB && bytes < (300 - OTHERS_MIB) * MIB, `${Math.round(bytes / MIB)} MiB`);
});

t.test("what nothing was written to takes none, however many pools were open before", async (t) => {
	setFlagsFromString("--expose-gc");
	const collectGarbage = runInNewContext("gc") as () => void;
	const { rss } = process.memoryUsage;
	const before = rss();
	let most = 0;
	for (let turn = 0; turn < 6; turn++) {
		const overlays = [1, 2, 3].map((seed) => new Overlay(OVERLAY_MAX, seed));
		most = Math.max(most, rss() - before);
		t.ok(overlays.every(({ size }) => size === 0));
		collectGarbage();
		await pause(1);
	}
	t.ok(most < 36 * MIB, `${Math.round(most / MIB)} MiB, of which one of them has 36`);
});
