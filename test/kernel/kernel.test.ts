/**
 * The main job, with a real client: Linux's own AoE driver in a user-mode Linux makes a file system on a blade of ours,
 * fills it, checks it, mounts it again and compares, with ordinary and with jumbo frames, and while the server is killed and
 * started again.
 */

import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { pause, scratchDirectory } from "../support/cleanup.js";
import { Lan } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { type Program, run } from "../support/process.js";
import { runGuest, umlMissing } from "../support/uml.js";

// Kernels boot three times; tap would give the whole file half a minute.
t.setTimeout(180_000);
const skip = umlMissing() ?? false;
const DISK_SECTORS = 524_288;
const START_LIMIT_MS = 10_000;
const GUEST_LIMIT_MS = 90_000;
/** How long the server is away: long enough for requests to be lost and sent again. */
const AWAY_MS = 500;

/** A blade of ours as e9.0 on one side of a LAN, and room for a kernel on the other. */
class Exported {
	readonly file = path.join(scratchDirectory(), "disk.img");
	readonly #lan: Lan;

	constructor(
		t: Test,
		readonly mtu: number,
	) {
		this.#lan = new Lan({ mtu });
		t.teardown(() => this.#lan.remove());
		writeFileSync(this.file, "");
		truncateSync(this.file, DISK_SECTORS * 512);
	}

	async serve(): Promise<Program> {
		const vblade = this.#lan.server.start([...vbladeCommand(), "9", "0", "lan0", this.file]);
		await vblade.waitFor(
			new RegExp(`^pid \\d+: e9\\.0, ${DISK_SECTORS} sectors O_RDWR$`, "m"),
			START_LIMIT_MS,
		);
		return vblade;
	}

	/** Runs a guest script to its end and gives back what its console said. */
	runGuest(script: string, onLine?: (line: string) => void): Promise<string> {
		return runGuest({
			namespace: this.#lan.client,
			interfaceName: "lan0",
			mtu: this.mtu,
			script,
			variables: { disk: "e9.0" },
			limitMs: GUEST_LIMIT_MS,
			...(onLine ? { onLine } : {}),
		});
	}

	/** The file must be a sound file system without any server or client. */
	async check(t: Test): Promise<void> {
		const { code, output } = await run(["e2fsck", "-fn", this.file], 30_000);
		t.equal(code, 0, "the file alone is a sound file system");
		if (code !== 0) t.comment(output);
	}
}

for (const mtu of [1500, 9000]) {
	t.test(`ext4 of a Linux kernel at MTU ${mtu}`, { skip }, async (t) => {
		const exported = new Exported(t, mtu);
		const vblade = await exported.serve();
		const console = await exported.runGuest("ext4.sh");
		t.match(console, `found e9.0, ${DISK_SECTORS} sectors`, "the kernel sees the disk with its whole size");
		t.match(console, /compared \d+ files/, "what came back is what was written");
		t.equal(vblade.ended, undefined, "the server is still there");
		t.equal((await vblade.stop()).code, 0, "and ends well");
		await exported.check(t);
	});
}

t.test("the server is killed in the middle of writes and started again", { skip }, async (t) => {
	const exported = new Exported(t, 9000);
	const first = await exported.serve();
	let second: Promise<Program> | undefined;
	const replace = async () => {
		await first.stop("SIGKILL");
		await pause(AWAY_MS);
		return exported.serve();
	};
	let written = false;
	const console = await exported.runGuest("restart.sh", (line) => {
		if (line.endsWith("writing")) second = replace();
		if (line.endsWith("written")) written = true;
	});
	t.ok(written && second, "the kernel wrote all the time");
	t.match(console, /compared/, "nothing is lost");
	await (await second)?.stop();
	await exported.check(t);
});
