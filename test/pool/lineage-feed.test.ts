// What waits while a checkpoint is made: the lineage is as if nothing had been said since the freeze, and afterwards as if nothing had waited.

import t from "tap";
import { Dead } from "../../lib/pool/map/dead.js";
import { Lineage } from "../../lib/pool/map/lineage.js";
import { LineageFeed } from "../../lib/pool/map/lineage-feed.js";
import { encodeLineage } from "../../lib/pool/map/lineage-form.js";
import { Random } from "../../lib/random.js";

const LINES = 3;

function newLineage(): Lineage {
	const lineage = new Lineage({ free: () => {}, freePart: () => {} });
	for (let line = 1; line <= LINES; line++) lineage.addLine(line);
	return lineage;
}

function bytesOf(lineage: Lineage): Buffer {
	return Buffer.concat([...encodeLineage(lineage, [])]);
}

function deadPage(random: Random, death: number): Dead {
	const birth = 1 + random.below(death);
	return Object.assign(new Dead(), { volume: 1 + random.below(LINES), birth, sectors: 8, death });
}

/** Something is said, to one by the feed and to the other at once. */
function say(random: Random, position: number, one: LineageFeed, fed: Lineage, other: Lineage): void {
	if (random.chance(0.99)) {
		const dead = deadPage(random, position);
		one.died(dead);
		other.died(dead);
		return;
	}
	const line = 1 + random.below(LINES);
	one.say(() => fed.keep(line, position));
	other.keep(line, position);
}

t.test("what is said after the freeze waits, in order, and nothing is lost", async (t) => {
	const random = new Random();
	const [fed, other] = [newLineage(), newLineage()];
	const feed = new LineageFeed(fed);
	let position = 10;
	for (let round = 0; round < 20; round++) {
		for (let i = random.below(100); i > 0; i--) say(random, ++position, feed, fed, other);
		while (!feed.step(1 + random.below(50))) say(random, ++position, feed, fed, other);
		t.ok(feed.isIdle);
		const before = bytesOf(other);
		feed.freeze();
		for (let i = random.below(10_000); i > 0; i--) say(random, ++position, feed, fed, other);
		t.notOk(feed.step(10), "it waits");
		t.ok(bytesOf(fed).equals(before), `as it was, seed ${random.seed}`);
		feed.thaw();
		while (!feed.step(1_000));
		t.ok(bytesOf(fed).equals(bytesOf(other)), `as it is, seed ${random.seed}`);
	}
});

t.test("what a merge finds meanwhile goes through", async (t) => {
	const random = new Random();
	const [fed, other] = [newLineage(), newLineage()];
	const feed = new LineageFeed(fed);
	feed.freeze();
	feed.died(deadPage(random, 1_000));
	const found = deadPage(random, 500);
	fed.died(found);
	other.died(found);
	t.ok(bytesOf(fed).equals(bytesOf(other)));
	t.notOk(feed.isIdle);
});
