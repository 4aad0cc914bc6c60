// The clock of leases counts the time for which a machine slept: that is CLOCK_BOOTTIME, alone of those that nobody sets. A time namespace, in which that
// clock is another one, shows which it is.
import { execFileSync, spawnSync } from "node:child_process";
import path from "node:path";
import t from "tap";
import { native } from "../../lib/native.js";
import { LIMIT_MS } from "../support/limit.js";

const SLEPT_S = 100_000;
/** What a process takes to start, and more than that. */
const SOON_S = 60;
const UNSHARE = ["--time", "--boottime", String(SLEPT_S), "--fork"] as const;
const { status } = spawnSync("unshare", [...UNSHARE, "true"], { timeout: LIMIT_MS });
const skip = status === 0 ? false : "time namespaces are not to be had here";

t.test("microseconds since the machine was started, with those that it slept", { skip }, async (t) => {
	const addon = path.join(import.meta.dirname, "../../lib/native.js");
	const script = `import { native } from ${JSON.stringify(addon)}; process.stdout.write(String(native.sinceBoot()));`;
	const node = [process.execPath, "--input-type=module", "--eval", script];
	const before = native.sinceBoot();
	const asleep = Number(execFileSync("unshare", [...UNSHARE, ...node], { timeout: LIMIT_MS }));
	const seconds = (asleep - before) / 1e6;
	t.ok(seconds >= SLEPT_S && seconds < SLEPT_S + SOON_S, `${seconds} s later`);
	t.ok(native.sinceBoot() >= before, "and it does not go back");
});
