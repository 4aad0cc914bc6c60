/**
 * Runs a test file in a network namespace of its own: for tests that open links in their own process. The file calls
 * `inNamespace` first; in the first process that starts the file again inside, as a subtest, and says false; inside it
 * says true, and the tests go on.
 */

import { fileURLToPath } from "node:url";
import t from "tap";
import { rounds } from "./long.js";
import { Namespace, namespacesMissing } from "./netns.js";

/** Tells the process inside that it is. */
const INSIDE = "VBLADE_TEST_INSIDE";
/** Limit for all tests of the file, where it names no other. */
const LIMIT_MS = rounds(230_000, 3_500_000);

/** True inside; outside it runs the file `url` (`import.meta.url`) inside, and returns false when that is over. */
export async function inNamespace(url: string, limitMs = LIMIT_MS): Promise<boolean> {
	if (process.env[INSIDE] === String(process.ppid)) return true;
	const missing = namespacesMissing();
	if (missing !== undefined) {
		t.pass("not run", { skip: missing });
		return false;
	}
	const namespace = new Namespace(`vb${process.pid}s0`);
	const file = fileURLToPath(url);
	try {
		await t.spawn("ip", ["netns", "exec", namespace.name, process.execPath, ...process.execArgv, file], {
			env: { ...process.env, [INSIDE]: String(process.pid) },
			timeout: limitMs,
		});
	} finally {
		namespace.remove();
	}
	return false;
}
