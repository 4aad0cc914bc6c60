// What a map has in memory when its volume has 1 TiB, all mapped: a process of its own is measured, in which everything that a map takes has
// been touched.
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import t from "tap";
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
