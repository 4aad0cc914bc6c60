// A clock that jumps: what a pool forgets by schedules and windows, what it believes, and what it says of moments that have no sure time.
import t from "tap";
import { lookAtPool } from "../../lib/pool/looks.js";
import { scheduledName } from "../../lib/pool/space/keep.js";
import { ClockedPool } from "./clocked-pool.js";
import { isoOf } from "./whole-life.js";

const MINUTE_US = 60e6;
const HOUR_US = 3600e6;
const DAY_US = 24 * HOUR_US;
const YEAR_US = 365 * DAY_US;

/** With two snapshots that a schedule has made. */
async function scheduled(): Promise<ClockedPool> {
	const world = await ClockedPool.create();
	await world.pool.administration.set("web", { keep: { hourly: 3 * 3600 } });
	for (let i = 0; i < 2; i++) {
		await world.pool.keepSchedules();
		world.laterUs += HOUR_US;
	}
	return world;
}

const names = ({ pool }: ClockedPool): string[] =>
	pool.administration.volume("web").snapshots.map(({ name }) => name);

t.test("a clock that is a year ahead for a while makes no schedule forget, and names nothing", async (t) => {
	const world = await scheduled();
	const before = names(world);
	world.aheadUs = YEAR_US;
	world.pool.age();
	await world.pool.keepSchedules();
	t.strictSame(names(world).slice(0, 2), before, "they are there");
	t.equal(names(world).at(-1), scheduledName(world.now - YEAR_US), "by what has passed");
	const told = () => world.told.filter((line) => line.startsWith("pool-clock"));
	t.match(told(), [/^pool-clock: the clock shows 20.*, and by what has passed it is 20.*not believed until/]);
	await world.write(1);
	world.aheadUs = 0;
	world.pool.age();
	t.match(told().slice(1), [/^pool-clock: the clock is believed again/]);
	const moment = await world.write(2);
	await world.write(3);
	t.equal(await world.show(moment), "2", "what is written after that has its time");
	await world.pool.close();
});

t.test(
	"one that has stood for an hour is believed, and one that the kernel vouches for at once",
	async (t) => {
		for (const isSynchronised of [false, true]) {
			const world = await scheduled();
			world.aheadUs = YEAR_US;
			world.pool.age();
			await world.pool.keepSchedules();
			world.isSynchronised = isSynchronised;
			world.laterUs += isSynchronised ? 2e6 : HOUR_US + 1e6;
			await world.pool.keepSchedules();
			t.strictSame(names(world), [scheduledName(world.now)], "all that was is over");
			await world.pool.close();
		}
	},
);

t.test("one that somebody says is right is believed, and stays so", async (t) => {
	const world = await scheduled();
	world.aheadUs = YEAR_US;
	await world.pool.keepSchedules();
	const doubt = async () => (await lookAtPool(world.pool, { of: "pool" })).clockDoubt;
	const expected = isoOf(world.now - YEAR_US).slice(0, 16);
	t.match(await doubt(), { shows: isoOf(world.now).slice(0, 16), expected });
	world.pool.age();
	await world.pool.keepSchedules();
	world.pool.time.trust();
	t.equal(await doubt(), null);
	t.match(world.told.at(-1), /^pool-clock: the clock is believed again/);
	await world.pool.keepSchedules();
	t.strictSame(names(world), [scheduledName(world.now)], "all that was is over");
	await world.pool.close();
	await world.open();
	t.equal(await doubt(), null, "in the next life, too");
	await world.pool.close();
});

t.test("a clock that goes to and fro does not stand", async (t) => {
	const world = await scheduled();
	const before = names(world);
	for (let i = 0; i < 6; i++) {
		world.aheadUs = i % 2 === 0 ? YEAR_US : 2 * YEAR_US;
		world.laterUs += HOUR_US / 4;
		world.pool.age();
		await world.pool.keepSchedules();
	}
	t.ok(names(world).includes(before[1] ?? ""), "less than three hours old");
	await world.pool.close();
});

t.test("a window passes what is old, not what a clock says is", async (t) => {
	const world = await ClockedPool.create();
	const moment = await world.write(1);
	await world.write(2);
	// An hour and a half, which is believed.
	world.aheadUs = 1.5 * HOUR_US;
	for (let i = 0; i < 3; i++) {
		await world.write(3);
		await world.pool.checkpoint();
	}
	t.equal(await world.show(moment), "1", "it is there");
	await world.pool.close();
	await world.open();
	t.equal(await world.show(moment), "1", "and when the pool was opened again");
	await world.pass();
	await t.rejects(world.show(moment), /is not kept any more/, "until it is old");
	await world.pool.close();
});

t.test("what passes between two lives counts as far as it is known, or a day", async (t) => {
	for (const boot of ["first", "second"]) {
		const world = await scheduled();
		const before = names(world);
		await world.pool.close();
		world.laterUs += 3 * DAY_US;
		world.boot = boot;
		await world.open();
		await world.pool.keepSchedules();
		if (boot === "first")
			t.strictSame(names(world), [scheduledName(world.now)], "the machine ran all the time");
		else t.strictSame(names(world).slice(0, 2), before, "it may have been off, or its clock is wrong");
		world.laterUs += HOUR_US + 1e6;
		await world.pool.keepSchedules();
		t.strictSame(names(world).at(-1), scheduledName(world.now), "an hour later that is believed");
		await world.pool.close();
	}
});

const UNSURE = /: the clock was set back then: what was written from \S+ to \S+ has no sure time/;

t.test("a moment of a time in which the clock was ahead is refused, and said to be unsure", async (t) => {
	const world = await ClockedPool.create();
	await world.pool.administration.set("web", { historySeconds: 4 * 3600 });
	const before = await world.write(1);
	world.laterUs += MINUTE_US;
	world.aheadUs = HOUR_US;
	const ahead = await world.write(2);
	world.laterUs += 10 * MINUTE_US;
	await world.write(3);
	world.aheadUs = 0;
	const wrong = `web@${isoOf(world.now - 5 * MINUTE_US)}`;
	for (const name of [wrong, ahead]) await t.rejects(world.show(name), UNSURE);
	await t.rejects(world.pool.administration.clone("web", "-5m", "copy"), UNSURE);
	t.equal(await world.show(before), "1");
	world.pool.age();
	t.match(world.told, [/^pool-clock: the clock was set back from \S+ to \S+: what was written from/]);
	t.equal((await lookAtPool(world.pool, { of: "pool" })).unsure.length, 1);
	// What is there now has a name of its own all the time.
	await world.write(4);
	const present = `web@${isoOf(world.pool.time.presentUs)}`;
	await world.write(5);
	t.equal(await world.show(present), "4");
	world.laterUs += 61 * MINUTE_US;
	const after = await world.write(6);
	await world.write(7);
	t.equal(await world.show(after), "6", "when the clock has come there all is as ever");
	for (const isStored of [false, true]) {
		if (isStored) await world.pool.checkpoint();
		await world.pool.close();
		await world.open();
		await t.rejects(world.show(wrong), UNSURE, "that stays known");
		t.equal(await world.show(before), "1");
		t.equal(await world.show(after), "6");
	}
	await world.pool.close();
});

t.test(
	"so it is if the pool was not open when the clock was set back, or ahead from the first",
	async (t) => {
		const world = await ClockedPool.create();
		const before = await world.write(1);
		await world.write(0);
		await world.pool.checkpoint();
		await world.pool.close();
		world.laterUs += MINUTE_US;
		world.aheadUs = HOUR_US;
		await world.open();
		const ahead = await world.write(2);
		await world.pool.close();
		world.laterUs += 10 * MINUTE_US;
		world.aheadUs = 0;
		await world.open();
		for (const name of [ahead.replace(/\d{6}Z/, "000000Z"), `web@${isoOf(world.now - 5 * MINUTE_US)}`])
			await t.rejects(world.show(name), UNSURE);
		t.equal(await world.show(before), "1");
		await world.pool.close();
	},
);
