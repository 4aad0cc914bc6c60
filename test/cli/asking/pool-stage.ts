/**
 * A control process whose worker has a real pool, and disks that are none, for tests of the commands of pools and volumes that a daemon has.
 */

import type { Test } from "tap";
import { Passed } from "../../../lib/channel/frames.js";
import { openToCopy, withPool } from "../../../lib/cli/pools/open-pool.js";
import type { poolLsCommand } from "../../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../../lib/cli/pools/volume.js";
import { volumeSnapshotCommand } from "../../../lib/cli/pools/volume-changes.js";
import { volumeIn } from "../../../lib/control/heard-volume.js";
import { wholeAct } from "../../../lib/control/whole-answers.js";
import { DeviceWriter } from "../../../lib/send/device.js";
import { Stage, settle } from "../../control/stage.js";
import { told, workerPools } from "../../support/pools.js";
import { run } from "./ask.js";

/** Ends within a page. */
export const SIZE = 2 ** 20 + 64 * 1024 + 512;

export async function stageOf(t: Test, folder: string) {
	const pools = workerPools(t);
	const stage = new Stage();
	stage.opener.text = `${stage.opener.text}\n[pool.fast]\npath = "${folder}"\n[disk.db]\nvolume = "fast/db"\n[disk.old]\nvolume = "fast/mail@a"\n`;
	stage.workers.pool = (at, act) => wholeAct((part) => pools.act(at, part), act);
	stage.workers.volume = async (folder, question, written) => {
		const { body, bytes } = await pools.volumes.answer(folder, question, written);
		return volumeIn(question, { body: { ...body }, ...(bytes && { bytes }), files: new Passed([]) });
	};
	await stage.start(t);
	await settle();
	const at = `--socket=${stage.socketPath}`;
	/** What a command says that has done what it should. */
	const said = async (command: typeof poolLsCommand, ...argv: string[]): Promise<string> => {
		const { status, out, err } = await run(command, at, ...argv);
		t.equal(status, 0, `${argv.join(" ")}: ${err}`);
		return out;
	};
	/** What it says that could not. */
	const refused = async (command: typeof poolLsCommand, ...argv: string[]): Promise<string> => {
		const { status, err } = await run(command, at, ...argv);
		t.equal(status, 1, argv.join(" "));
		return err;
	};
	return { stage, at, said, refused };
}

/** A volume `web` whose snapshots `a` and `b` differ here and there, and which has changed since. Returns what `b` holds. */
export async function twoSnapshots(folder: string): Promise<Buffer> {
	await told(volumeCreateCommand, `${folder}/web`, String(SIZE));
	const bytes = Buffer.alloc(SIZE);
	const put = (offsetBytes: number, fill: number, lengthBytes: number) =>
		withPool(folder, async (pool) => {
			const device = await openToCopy(pool, "web", false);
			const writer = new DeviceWriter(device, "web");
			await writer.put({ kind: "data", offsetBytes, lengthBytes, bytes: Buffer.alloc(lengthBytes, fill) });
			await writer.sync();
			await device.close();
		});
	const keep = (offset: number, fill: number, length: number) => {
		bytes.fill(fill, offset, offset + length);
		return put(offset, fill, length);
	};
	await keep(4096, 1, 40_960);
	await keep(2 ** 20 - 4096, 2, 8192);
	await told(volumeSnapshotCommand, `${folder}/web@a`);
	await keep(8192, 3, 512);
	await keep(16_384, 1, 4096);
	await keep(SIZE - 512, 4, 512);
	await told(volumeSnapshotCommand, `${folder}/web@b`);
	await put(0, 5, 4096);
	return bytes;
}
