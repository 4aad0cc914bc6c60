// What a worker says of what volumes held, and what it refuses.
import t from "tap";
import { FrameError, Passed } from "../../lib/channel/frames.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { volumeIn } from "../../lib/control/heard-volume.js";
import { requestOf } from "../../lib/daemon/worker-requests.js";
import { newPool, told, workerPools } from "../support/pools.js";

const files = new Passed([]);

t.test("so many are open at a time, and what is written meanwhile is not read", async (t) => {
	const folder = await newPool();
	await told(volumeCreateCommand, `${folder}/web`, "1M");
	const pools = workerPools(t, Infinity);
	const names = Array.from({ length: 17 }, (_, i) => `s${i}`);
	await pools.act(folder, { act: "snapshot", wanted: names.map((name) => ({ volume: "web", name })) });
	const about = (name: string) => pools.volumes.answer(folder, { ask: "about", name });
	const range = { offsetBytes: 0, lengthBytes: 2 ** 20 };
	const runs = (name: string) => pools.volumes.answer(folder, { ask: "runs", name: `web@${name}`, ...range });
	for (const name of names) {
		t.match((await about(`web@${name}`)).body, { name: `web@${name}`, sizeBytes: 2 ** 20 });
		if (name !== "s0") await runs(name);
	}
	await t.rejects(runs("s0"), /too much is being copied already/);
	const { body } = await runs("s1");
	t.strictSame(body, { runs: [{ kind: "hole", ...range }] });
	await t.rejects(
		pools.volumes.answer(folder, { ask: "read", name: "web@s1", ...range, offsetBytes: 512 }),
		/outOfRange|out of range/,
	);
	await t.rejects(
		pools.volumes.answer(folder, { ask: "read", name: "web", ...range }),
		/changes while it is copied/,
	);
	await pools.volumes.close();
	t.match((await about("web")).body, { name: /^web@\d{4}-.*Z$/ }, "the moment that it is");
});

t.test("neither believes what can't be", async (t) => {
	const read = { ask: "read", name: "web@a", offsetBytes: 0, lengthBytes: 512 } as const;
	t.throws(() => volumeIn(read, { body: {}, bytes: new Uint8Array(5), files }), FrameError);
	t.throws(() => volumeIn({ ask: "about", name: "web" }, { body: { name: 5 }, files }), FrameError);
	t.throws(
		() => volumeIn({ ...read, ask: "runs" }, { body: { runs: [{ kind: "hole" }] }, files }),
		FrameError,
	);
	t.throws(
		() => requestOf({ kind: "volume", pool: "/srv", question: { ...read, lengthBytes: 2 ** 30 } }),
		/can't be that/,
	);
	t.same(requestOf({ kind: "volume", pool: "/srv", question: read }).kind, "volume");
	t.throws(
		() => requestOf({ kind: "pool", pool: "/srv", act: { act: "clone", volume: "web" } }),
		/can't be that/,
	);
});
