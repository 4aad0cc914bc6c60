/**
 * The main job, with a real client: Linux's own AoE driver in a user-mode Linux makes a file system on a blade of ours,
 * fills it, checks it, mounts it again and compares, with jumbo frames and, in long runs, with ordinary ones (which a kernel behind a router
 * has, `gre.test.ts`). More of what it does with our disks
 * is in `storage-cases.ts` and `network-cases.ts`.
 */

import t from "tap";
import { variants } from "../support/long.js";
import { umlMissing } from "../support/uml.js";
import { Stage } from "./stage.js";

// Kernels boot; tap would give the whole file half a minute.
t.setTimeout(230_000);
const skip = umlMissing() ?? false;
const MEGABYTES = 256;
const variables = { disk: "e9.0" };

for (const mtu of variants([9000, 1500], 0)) {
	t.test(`ext4 of a Linux kernel at MTU ${mtu}`, { skip }, async (t) => {
		const stage = new Stage(t, { mtu, megabytes: MEGABYTES });
		const vblade = await stage.serve();
		const console = await stage.run({ script: "ext4.sh", variables });
		t.match(
			console,
			`found e9.0, ${MEGABYTES * 2048} sectors`,
			"the kernel sees the disk with its whole size",
		);
		t.match(console, /compared \d+ files/, "what came back is what was written");
		t.equal(vblade.ended, undefined, "the server is still there");
		t.equal((await vblade.stop()).code, 0, "and ends well");
		await stage.check(t);
	});
}
