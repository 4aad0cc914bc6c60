/**
 * A Linux kernel with a file system on a volume of the daemon, at work all the time: a snapshot and a moment of it are mounted as disks of their
 * own, without options, though their journals have to be replayed; what was damaged is back when the volume is rolled back to the snapshot.
 * Played by `past.long.ts`, with ext4 and xfs, small frames and large ones.
 */

import { writeFileSync } from "node:fs";
import type { Test } from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { volumeRollbackCommand, volumeSnapshotCommand } from "../../lib/cli/pools/volume-changes.js";
import { DaemonTree, diskToml } from "../daemon/tree-bench.js";
import { told } from "../support/pools.js";
import { type Filesystem, Stage } from "./stage.js";

export interface PastCase {
	readonly filesystem: Filesystem;
	readonly mtu: number;
	/** Megabytes of the file that is damaged. */
	readonly random: number;
	/** Of the volume, as `volume create` takes it. */
	readonly size: string;
	readonly limitMs: number;
}

export async function past(t: Test, { filesystem, mtu, random, size, limitMs }: PastCase): Promise<void> {
	const stage = new Stage(t, { mtu, megabytes: 0, blades: 0 });
	const tree = new DaemonTree(stage.lan.server.name);
	await told(poolCreateCommand, tree.path("fast"));
	await told(volumeCreateCommand, `${tree.path("fast")}/web`, size);
	const host = new Host(t, tree);
	host.serve("");
	await tree.start();
	t.teardown(() => tree.stop());
	await tree.state("web", "open");
	const answers: Promise<void>[] = [];
	const console = await stage.run({
		script: "past.sh",
		variables: { disk: "e9.0", kept: "e9.1", moment: "e9.2", filesystem, random, words: tree.path("word") },
		limitMs,
		onLine: (line) => {
			const word = /\] (written|damaged|away)$/.exec(line)?.[1];
			if (word !== undefined) answers.push(host.hears(word));
		},
	});
	await Promise.all(answers);
	t.equal(answers.length, 3, "the guest has come to its end");
	t.match(console, /verified$/m, "all that was is there, and no error was seen");
	t.strictSame(await tree.stop(), { code: 0, signal: null }, "the daemon ends well");
	t.notMatch(tree.said + tree.program.output, /bug|Error:/, "and has had no trouble with itself");
}

/** Whoever the guest talks to. */
class Host {
	#moment = "";

	constructor(
		readonly t: Test,
		readonly tree: DaemonTree,
	) {}

	serve(more: string): void {
		const { tree } = this;
		tree.configure(
			`[pool.fast]\npath = "${tree.path("fast")}"\n${diskToml("web", 'volume = "fast/web"', "9.0", "lan0")}${more}`,
		);
	}

	async hears(word: string): Promise<void> {
		const { tree, t } = this;
		const at = `--socket=${tree.socket}`;
		if (word === "written") {
			t.match(await told(volumeSnapshotCommand, at, "fast/web@kept"), /kept/);
			this.#moment = new Date().toISOString();
			this.#answer("kept");
		} else if (word === "damaged") {
			const past = (name: string, what: string, address: string) =>
				diskToml(name, `volume = "fast/web@${what}"\nscratch = true`, address, "lan0");
			this.serve(past("kept", "kept", "9.1") + past("moment", this.#moment, "9.2"));
			t.ok(await tree.reload());
			for (const name of ["kept", "moment"]) await tree.state(name, "open");
			this.#answer("shown");
		} else {
			t.match(
				await told(volumeRollbackCommand, at, "fast/web@kept"),
				/disk web is on it/,
				"a disk that is in use is not rolled back",
			);
			t.match(await told(volumeRollbackCommand, at, "--force", "fast/web@kept"), /web/);
			await tree.state("web", "open");
			this.#answer("back");
		}
	}

	#answer(word: string): void {
		writeFileSync(this.tree.path(`word.${word}`), "");
	}
}
