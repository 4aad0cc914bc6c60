/** What a worker says of a pool that it has, as soon as something was trimmed, or when it is to know all that was written. */

import t from "tap";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import type { PoolLook } from "../../lib/pool/looks.js";
import { newPool, told, workerPools } from "../support/pools.js";

const TIB = 2 ** 40;

t.test("used is right at once when a tebibyte is trimmed", async (t) => {
	const folder = await newPool();
	await told(volumeCreateCommand, `${folder}/web.part`, "1T");
	const pools = workerPools(t);
	const look = (isNow: boolean): Promise<PoolLook> =>
		pools.act(folder, { act: "look", isNow, sight: { of: "volume", name: "web.part" } });
	const write = (kind: "data" | "zero", lengthBytes: number) =>
		pools.volumes.answer(
			folder,
			{ ask: "write", name: "web.part", pieces: [{ kind, offsetBytes: 0, lengthBytes }], sync: true },
			new Uint8Array(kind === "data" ? lengthBytes : 0).fill(7),
		);
	await write("data", 65_536);
	t.match((await look(false)).volumes, [{ usedBytes: 0 }], "as of the last checkpoint");
	t.match((await look(true)).volumes, [{ usedBytes: 65_536 }], "all that was written by now");
	await write("zero", TIB);
	t.match((await look(false)).volumes, [{ usedBytes: 0 }], "whoever looks");
	await pools.volumes.answer(folder, { ask: "release", name: "web.part" });
});

t.test("what was to be filled goes with what keeps how far it is, whoever removes it", async (t) => {
	const folder = await newPool();
	const sizes = { "new.part": "1M", "new.part.state": "4K", "old.part": "1M", "old.part.state": "1M" };
	for (const [name, size] of Object.entries(sizes))
		await told(volumeCreateCommand, `${folder}/${name}`, size);
	const pools = workerPools(t);
	for (const name of ["new.part", "old.part"]) await pools.act(folder, { act: "remove", name });
	const { volumes } = await pools.act(folder, { act: "look", isNow: false, sight: { of: "volumes" } });
	t.match(volumes, [{ name: "old.part.state" }], "that is somebody's own");
});
