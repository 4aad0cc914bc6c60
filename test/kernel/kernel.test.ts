/**
 * The main job, with a real client: Linux's own AoE driver in a user-mode Linux has a file system on a blade of ours. In short fio writes
 * and verifies on it, with jumbo frames; in long runs a tree of files is copied, checked and compared, too, also with ordinary frames. More of
 * what it does with our disks is in `storage-cases.ts` and `network-cases.ts`, whose cases but for one long runs alone have.
 */

import t from "tap";
import { longTest } from "../support/long.js";
import { umlMissing } from "../support/uml.js";
import { Stage } from "./stage.js";
import { fio } from "./storage-cases.js";

// Kernels boot; tap would give the whole file half a minute.
t.setTimeout(230_000);
const skip = umlMissing("/usr/bin/fio") ?? false;
const MEGABYTES = 256;
const variables = { disk: "e9.0" };

t.test("fio on ext4, jumbo frames", { skip }, (t) =>
	fio(t, { filesystem: "ext4", mtu: 9000, jobs: ["4k:16", "64k:4"], megabytes: 2, limits: false }),
);

for (const mtu of [9000, 1500]) {
	longTest(`ext4 of a Linux kernel at MTU ${mtu}`, { skip }, async (t) => {
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
