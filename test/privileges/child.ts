/**
 * A process of a daemon, as far as it gives up what it was born with. Run by `children.test.ts`:
 * `node child.js HOW PARENT`. HOW: `control` and `worker` say what they can still get hold of, when a line comes; `hang` never
 * looks up again. PARENT: the number of the process that it takes for its parent; 0 for the one that it has.
 */

import { spawnSync } from "node:child_process";
import { openSync } from "node:fs";
import { isNativeError, native } from "../../lib/native.js";
import { becomeUser } from "../../lib/privileges.js";

const LOOPBACK = 1;
const [how = "", parent = "0", sibling = "0"] = process.argv.slice(2);

function outcome(action: () => unknown): string {
	try {
		action();
		return "done";
	} catch (error) {
		return isNativeError(error) ? error.message : ((error as NodeJS.ErrnoException).code ?? String(error));
	}
}

function tries(): object {
	const spawned = () => {
		const { error } = spawnSync("/bin/true");
		if (error) throw error;
	};
	return {
		file: outcome(() => openSync("/dev/null", "r")),
		program: outcome(spawned),
		root: outcome(() => process.setuid?.(0)),
		parent: outcome(() => process.kill(process.ppid, 0)),
		sibling: outcome(() => process.kill(Number(sibling), "SIGKILL")),
		itself: outcome(() => process.kill(process.pid, 0)),
		packets: outcome(() => {
			const port = native.portOpen(LOOPBACK, 0x88a2, 1514, 64, 65536, new Uint8Array(0), () => {});
			native.portClose(port.handle);
		}),
	};
}

// What it will need: nothing can be loaded later.
process.stdin.on("data", () => process.stdout.write(`tried ${JSON.stringify(tries())}\n`));
outcome(() => spawnSync("/bin/true"));
becomeUser("nobody", how === "worker", Number(parent) || process.ppid);
process.stdout.write(`pid ${process.pid} is ready\n`);
if (how === "hang") for (;;);
