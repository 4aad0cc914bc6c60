// A pool that two hosts serve comes to the one that is asked for what only its owner can do: asked for once, handed over by whoever has it, and given up in the end.
import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { StorageStatus } from "../../lib/errors.js";
import { owned, Stage, write } from "./seat-stage.js";

t.test("what only the owner can do is asked for here: the pool is, until it comes", async (t) => {
	const stage = new Stage();
	const { seat, clock } = stage;
	seat.saw(owned(3));
	const { device } = await seat.use("web");
	const bring = (): Promise<boolean> | null | undefined => device.tenure?.partner?.bring?.();
	t.equal(stage.asked, 0, "nobody wants it");
	const coming = bring();
	for (let i = 0; i < 1_000; i++) t.equal(bring(), coming);
	t.equal(stage.asked, 1, "once, however many ask");
	for (let second = 0; second < 3; second++) {
		clock.pass(1_000);
		await stage.turns();
	}
	t.ok(stage.asked >= 3 && stage.asked <= 8, `${stage.asked} times in 3 s`);
	seat.cameHere();
	t.equal(bring(), coming, "it is on its way: what is reserved is not known yet");
	await stage.turns();
	clock.pass(100);
	t.equal(await coming, true);
	const { asked } = stage;
	clock.pass(60_000);
	await stage.turns();
	t.equal(stage.asked, asked);
	await device.close();
});

t.test("one that does not come is not asked for again at once, and initiators hear that", async (t) => {
	const stage = new Stage();
	const { seat, clock } = stage;
	seat.saw(owned(3));
	const { device } = await seat.use("web");
	const bring = (): Promise<boolean> | null | undefined => device.tenure?.partner?.bring?.();
	const coming = bring();
	for (let ms = 0; ms < 10_100; ms += 20) {
		clock.pass(20);
		await nextTurn();
	}
	t.equal(await coming, false);
	t.equal(bring(), null);
	const { asked } = stage;
	clock.pass(4_800);
	await stage.turns();
	t.equal(bring(), null);
	t.equal(stage.asked, asked, "nor is its owner bothered");
	clock.pass(200);
	t.type(bring(), Promise);
	t.equal(stage.asked, asked + 1);
	await stage.turns();
	seat.end();
	clock.pass(60_000);
	await stage.turns();
	t.equal(stage.asked, asked + 1, "nobody wants anything any more");
	await device.close();
});

t.test("the owner hands it to who has to have it, after a second, and to one at a time", async (t) => {
	const stage = new Stage();
	const { seat, clock } = stage;
	seat.wantedBy("beta");
	clock.pass(5_000);
	t.strictSame(stage.heirs, [], "it is not here");
	const { device } = await seat.use("web");
	for (const host of ["beta", "gamma", "beta"]) seat.wantedBy(host);
	clock.pass(900);
	await stage.turns();
	t.strictSame(stage.heirs, []);
	clock.pass(200);
	await stage.turns();
	t.strictSame(stage.heirs, ["beta"]);
	// (It did not come for it, and asks again.)
	seat.wantedBy("beta");
	clock.pass(900);
	await stage.turns();
	t.strictSame(stage.heirs, ["beta"]);
	clock.pass(200);
	await stage.turns();
	t.strictSame(stage.heirs, ["beta", "beta"]);
	seat.wantedBy("beta");
	seat.wentThere(owned(5));
	clock.pass(5_000);
	await stage.turns();
	t.equal(stage.heirs.length, 2, "it is gone by then");
	await device.close();
});

t.test(
	"what other hosts had asked is not carried out any more when it is settled; all else is a pause",
	async (t) => {
		const stage = new Stage();
		const { seat } = stage;
		const { device } = await seat.use("web");
		const there = await seat.use("web", "beta");
		const [own, theirs] = [write(device), write(there.device)];
		let isSettled = false;
		const settling = device.tenure?.partner?.settle?.().then(() => {
			isSettled = true;
		});
		t.strictSame(stage.cut, ["web"]);
		const during = write(device);
		await stage.turns();
		t.strictSame([stage.last.below.length, isSettled], [2, false], "nothing more begins");
		stage.last.done();
		await stage.turns();
		t.equal(isSettled, false);
		stage.last.done();
		await settling;
		await Promise.all([own, theirs]);
		stage.last.done();
		t.equal((await during).status, StorageStatus.ok, "it goes on");
		const late = write(device);
		const again = device.tenure?.partner?.settle?.();
		seat.wentThere(owned(5));
		stage.last.done(0, StorageStatus.closed);
		await again;
		await stage.turns();
		stage.last.done();
		t.equal((await late).status, StorageStatus.ok, "nor does it hold up what has gone elsewhere");
		await device.close();
		await there.device.close();
	},
);
