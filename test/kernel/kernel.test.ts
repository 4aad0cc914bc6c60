/**
 * The main job, with a real client: Linux's own AoE driver in a user-mode Linux makes a file system on a blade of ours,
 * fills it, checks it, mounts it again and compares, with ordinary and with jumbo frames.
 */

import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { Lan } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { runGuest, umlMissing } from "../support/uml.js";

const skip = umlMissing() ?? false;

for (const mtu of [1500, 9000]) {
	t.test(`ext4 of a Linux kernel at MTU ${mtu}`, { skip }, async (t) => {
		const lan = new Lan({ mtu });
		t.teardown(() => lan.remove());
		const file = path.join(scratchDirectory(), "disk.img");
		writeFileSync(file, "");
		truncateSync(file, 256 * 1024 * 1024);
		const vblade = lan.server.start([...vbladeCommand(), "9", "0", "lan0", file]);
		await vblade.waitFor(/^pid \d+: e9\.0, 524288 sectors O_RDWR$/m, 10_000);

		const console = await runGuest({
			namespace: lan.client,
			interfaceName: "lan0",
			mtu,
			script: "ext4.sh",
			variables: { disk: "e9.0" },
			limitMs: 60_000,
		});
		t.match(console, /found e9\.0, 524288 sectors/, "the kernel sees the disk with its whole size");
		t.match(console, /compared \d+ files/, "what came back is what was written");
		t.equal(vblade.ended, undefined, "the server is still there");
		await vblade.stop();

		const check = await run(["e2fsck", "-fn", file], 30_000);
		t.equal(check.code, 0, `the file alone is a sound file system: ${check.output}`);
	});
}
