// A replica is promoted and given back, again and again, while the pool, the one that it became, both or none of them are written to, by a seed: what each has is
// never overwritten without an operator's word, who has gone on is said, and what nobody has written to is gone on from without all being brought anew.
import t, { type Test } from "tap";
import { FailingOver } from "./failing-over.js";

const ROUNDS = 4;
const ALL = Number.MAX_SAFE_INTEGER;

t.setTimeout(230_000);

async function play(t: Test, seed: number): Promise<string[]> {
	const run = new FailingOver(seed);
	const { random } = run;
	const seen: string[] = [];
	await run.begin();
	await run.write("first");
	t.ok(await run.shipped(), `seed ${seed}: the replica has all`);
	for (let round = 0; round < ROUNDS; round++) {
		const where = `seed ${seed}, round ${round}`;
		if (random.chance(0.5)) await run.write("first");
		if (random.chance(0.5)) await run.shipped();
		if (random.chance(0.5)) await run.write("first");
		await run.promote();
		const isHere = random.chance(0.5);
		const isThere = random.chance(0.5);
		if (isHere) await run.write("first");
		if (isThere) await run.write("second");
		if (random.chance(0.3)) await run.restart();
		await run.pass(60);
		const wasHere = isHere || JSON.stringify(run.first) !== JSON.stringify(run.second);
		const expected = isThere ? ["split", "behind"] : ["promoted"];
		const { state, promoted } = run.look;
		seen.push(state);
		t.ok(expected.includes(state), `${where}: ${state}`);
		if (isThere && isHere) t.equal(state, "split", where);
		if (isThere && !isHere && !wasHere) t.equal(state, "behind", where);
		t.equal(promoted?.there?.bytes === 0, !isThere, where);
		await run.closeSecond();
		const sent = run.look.sentBytes;
		if (isThere) {
			t.match(await run.demote(), /has been written to since it was promoted: [0-9]+ bytes/, where);
			await run.promote();
			await run.pass(30);
			t.equal(run.look.state, state, `${where}: each keeps what it has`);
			await run.closeSecond();
			t.match(await run.demote(ALL), /is made a replica of fast of one again/, where);
		} else t.match(await run.demote(), /is made a replica of fast of one again/, where);
		if (random.chance(0.3)) await run.restart();
		t.ok(await run.shipped(), `${where}: it follows again`);
		t.same(await run.viewed(), run.first, where);
		if (!isThere) t.ok(run.look.sentBytes - sent < 4 * 2 ** 20, `${where}: not all was brought anew`);
	}
	await run.end();
	return seen;
}

t.test("failing over and back", async (t) => {
	const seen = new Set<string>();
	for (let seed = 1; seed <= 12; seed++) for (const state of await play(t, seed)) seen.add(state);
	t.same([...seen].sort(), ["behind", "promoted", "split"]);
});
