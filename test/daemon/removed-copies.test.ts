// What is removed while somebody reads it: whoever has begun reads on, or is told; who begins later, or finds something else by the name, is never
// given what was there before.
import t, { type Test } from "tap";
import type { PoolAct, VolumeQuestion } from "../../lib/daemon/worker-messages.js";
import { OperatorError } from "../../lib/errors.js";
import { newPool, workerPools } from "../support/pools.js";

const SIZE = 2 ** 20;
const RANGE = { offsetBytes: 0, lengthBytes: 4096 };

/** A volume `web`, with what is asked about it and done with it. */
async function stageOf(t: Test, idleMs?: number) {
	const folder = await newPool();
	const pools = workerPools(t, idleMs);
	const act = (what: PoolAct) => pools.act(folder, what);
	const ask = (question: VolumeQuestion, bytes?: Uint8Array) => pools.volumes.answer(folder, question, bytes);
	const about = async (name: string) =>
		(await ask({ ask: "about", name })).body as { name: string; id: string };
	/** Its first byte. */
	const read = async (name: string, id?: string) =>
		(await ask({ ask: "read", name, id, ...RANGE })).bytes?.[0];
	/** A volume with that in it. */
	const make = async (name: string, fill: number) => {
		await act({ act: "create", name: "new.part", sizeBytes: SIZE, pageBytes: 4096 });
		const pieces = [{ kind: "data", ...RANGE }] as const;
		const bytes = new Uint8Array(4096).fill(fill);
		await ask({ ask: "write", name: "new.part", pieces, sync: true }, bytes);
		await ask({ ask: "release", name: "new.part" });
		await act({ act: "rename", name: "new.part", to: name });
	};
	const snapshot = (name: string) => act({ act: "snapshot", wanted: [{ volume: "web", name }] });
	await make("web", 1);
	return { act, ask, about, read, make, snapshot };
}

t.test("a snapshot that is made anew by its name is read as it is now, not as it was", async (t) => {
	const { act, about, read, make, snapshot } = await stageOf(t);
	await snapshot("a");
	const first = await about("web@a");
	t.equal(await read("web@a", first.id), 1);
	await act({ act: "forget", volume: "web", snapshot: "a" });
	t.equal(await read("web@a", first.id), 1, "who has begun reads on");
	await t.rejects(read("web@a"), new OperatorError('volume "web": has no snapshot "a"'));
	await t.rejects(about("web@a"), OperatorError);
	await act({ act: "remove", name: "web" });
	t.equal(await read("web@a", first.id), 1, "its volume is gone, too");
	await make("web", 2);
	await snapshot("a");
	const second = await about("web@a");
	t.not(second.id, first.id);
	t.equal(await read("web@a", second.id), 2);
	t.equal(await read("web@a"), 2);
	await t.rejects(read("web@a", first.id), /"web@a": is another one than it was before; begin anew/);
});

t.test("a moment is of the volume that there was, whatever is called so later", async (t) => {
	const { act, about, read, make } = await stageOf(t);
	const { name, id } = await about("web");
	t.equal(await read(name, id), 1);
	await act({ act: "remove", name: "web" });
	t.equal(await read(name, id), 1);
	await make("web", 2);
	t.equal(await read(name, id), 1);
	await t.rejects(about(name), /there was no such volume then/);
});

t.test("differences are of what they were asked of", async (t) => {
	const { act, ask, about, snapshot } = await stageOf(t);
	await snapshot("a");
	await snapshot("b");
	const [before, after] = [await about("web@a"), await about("web@b")];
	const question = {
		ask: "changes",
		name: "web@b",
		id: after.id,
		before: "web@a",
		beforeId: before.id,
		offsetBytes: 0,
	} as const;
	t.strictSame((await ask(question)).body, { ranges: [] });
	for (const name of ["a", "b"]) {
		await act({ act: "forget", volume: "web", snapshot: name });
		await t.rejects(ask(question), new OperatorError(`volume "web": has no snapshot "${name}"`));
		await snapshot(name);
		await t.rejects(ask(question), /is another one than it was before/);
		if (name === "a") await t.resolves(ask({ ...question, beforeId: (await about("web@a")).id }));
	}
});

t.test("what a volume is compared with while it is looked at may be removed", async (t) => {
	const { act, ask, about, snapshot } = await stageOf(t);
	await snapshot("a");
	await snapshot("b");
	const [before, { id }] = [await about("web@a"), await about("web@b")];
	const question = { ask: "verify", name: "web@b", id, offsetBytes: 0, doPages: true } as const;
	const since = { ...question, before: "web@a", beforeId: before.id };
	const all = { reachedBytes: SIZE, findings: [] };
	t.strictSame((await ask(since)).body, all);
	await act({ act: "forget", volume: "web", snapshot: "a" });
	t.strictSame((await ask(since)).body, all, "nothing is damaged by that");
	await act({ act: "remove", name: "web" });
	t.strictSame((await ask(since)).body, all);
});

t.test("what nobody copies any more makes room for others", async (t) => {
	const { ask, about, snapshot } = await stageOf(t, 0);
	const names = Array.from({ length: 40 }, (_, i) => `s${i}`);
	for (const name of names) await snapshot(name);
	await Promise.all(names.map((name) => about(`web@${name}`)));
	for (const name of names) await ask({ ask: "read", name: `web@${name}`, ...RANGE });
	t.pass("one after the other");
});
