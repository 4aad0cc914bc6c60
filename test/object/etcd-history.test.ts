// What etcd keeps of values that were replaced is compacted in the background, once for each time that it is to be kept.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { EtcdHistory } from "../../lib/object/etcd-history.js";
import { EtcdHead } from "../../lib/object/head-etcd.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { StandInEtcd } from "./stand-in-etcd.js";

const KEEP_MS = 3_600_000;
const BEAT_MS = 2_000;
/** After one that failed it is not asked for again. */
const AGAIN_MS = 60_000;

/** Swaps every two seconds for so long; which revisions it was asked to compact, and when. */
async function beats(
	keepMs: number,
	ms: number,
	compact: (at: number) => Promise<void>,
): Promise<{ readonly revision: number; readonly at: number }[]> {
	const clock = new VirtualClock();
	const asked: { revision: number; at: number }[] = [];
	const history = new EtcdHistory(keepMs, clock, (revision) => {
		asked.push({ revision: Number(revision), at: clock.now() });
		return compact(clock.now());
	});
	for (let revision = 1; clock.now() < ms; revision++) {
		history.swapped(String(revision));
		await nextTurn();
		clock.after(BEAT_MS, () => {});
		clock.step();
	}
	return asked;
}

t.test("what is older than it is to be, and nothing that is younger", async (t) => {
	const asked = await beats(KEEP_MS, 3.5 * KEEP_MS, async () => {});
	t.equal(asked.length, 3);
	for (const { revision, at } of asked) t.ok((revision - 1) * BEAT_MS <= at - KEEP_MS);
	t.ok((asked[2]?.revision ?? 0) > (asked[1]?.revision ?? 0));
});

t.test("never, if that is left to etcd", async (t) => {
	t.strictSame(await beats(0, 2 * KEEP_MS, async () => {}), []);
});

t.test("one that fails is tried again, after a while; one without an answer is waited for", async (t) => {
	let failures = 0;
	const asked = await beats(KEEP_MS, KEEP_MS + 10 * AGAIN_MS, async () => {
		if (++failures <= 3) throw new Error("away");
	});
	t.equal(asked.length, 4);
	for (let i = 1; i < asked.length; i++) t.ok(asked[i]!.at - asked[i - 1]!.at >= AGAIN_MS);
	t.equal(new Set(asked.map(({ revision }) => revision)).size, 1, "the same");
	t.equal((await beats(KEEP_MS, 3 * KEEP_MS, () => new Promise(() => {}))).length, 1);
});

t.test("a head in etcd has it done, and takes it for done where another one has done it", async (t) => {
	const etcd = new StandInEtcd();
	const endpoint = await etcd.start();
	t.teardown(() => etcd.stop());
	const clock = new VirtualClock();
	const head = new EtcdHead({ endpoints: [endpoint], key: "gold", historyMs: 1, clock });
	const signal = AbortSignal.timeout(10_000);
	const compactions = (): number => etcd.asked.filter((asked) => asked.endsWith("/compaction")).length;
	let id: string | null = null;
	const swap = async (): Promise<void> => {
		clock.after(1, () => {});
		clock.step();
		id = await head.swap(id, Buffer.from("value"), signal);
		t.ok(id);
	};
	for (let count = 1; count <= 3; count++) {
		// The last one is known already.
		if (count === 3) etcd.keys.compacted = etcd.keys.revision + 1;
		while (compactions() < count) await swap();
	}
	while (!head.counts.all().some(({ op, code }) => op === "compact" && code === "400")) await swap();
	await swap();
	t.equal(head.counts.all().filter(({ op }) => op === "swap").length, 1, "and no swap has failed");
	await head.close();
});
