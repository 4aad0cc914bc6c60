// How long requests take: the clock is read when what was answered has left, once for all of it, and not before.
import t from "tap";
import { Departures, nowUs, type Timed } from "../../lib/departures.js";
import { Pump } from "../../lib/pump.js";

class Told implements Timed {
	readonly told: string[] = [];
	took(kind: number, us: number): void {
		this.told.push(`${kind}: ${us}`);
	}
}

/** A link that has frames to send, which takes a while. */
class Sending {
	hasWork = false;
	constructor(readonly send: () => void) {}
	drain(): void {
		this.hasWork = false;
		this.send();
	}
}

t.test("what is noted counts until the links have sent", async (t) => {
	const pump = new Pump();
	let now = 1000;
	let looks = 0;
	const departures = new Departures(pump, () => {
		looks += 1;
		return now;
	});
	// Links may come after it.
	const link = new Sending(() => {
		now += 250;
	});
	pump.addLink(link);
	const [one, two] = [new Told(), new Told()];
	departures.note(one, 0, 400);
	departures.note(two, 1, 900);
	departures.note(one, 2, 1000);
	link.hasWork = true;
	t.same([one.told, two.told], [[], []]);
	pump.run();
	t.same([one.told, two.told], [["0: 850", "2: 250"], ["1: 350"]]);
	t.equal(looks, 1, "one look at the clock");
	pump.run();
	t.equal(looks, 1, "none for nothing");
	pump.remove(departures);
	departures.note(one, 0, 0);
	pump.run();
	t.equal(looks, 1, "nor when it has left the pump");
});

t.test("the clock wraps, and half an hour is the longest", async (t) => {
	const pump = new Pump();
	let now = 0;
	const departures = new Departures(pump, () => now);
	const told = new Told();
	now = -(2 ** 31) + 5;
	departures.note(told, 0, 2 ** 31 - 10);
	pump.run();
	departures.note(told, 0, (now + 2 ** 31) | 0);
	pump.run();
	t.same(told.told, ["0: 15", `0: ${2 ** 31 - 1}`]);
});

t.test("so many answers that they can't all be noted are counted at once", async (t) => {
	const departures = new Departures(new Pump(), () => 7);
	const told = new Told();
	for (let i = 0; i < 3000; i++) departures.note(told, 0, 0);
	t.equal(told.told.length, 2048);
	departures.drain();
	t.equal(told.told.length, 3000);
});

t.test("the clock is whole, of 32 bits, and goes on", async (t) => {
	const before = nowUs();
	await new Promise((resolve) => setTimeout(resolve, 2));
	const passed = (nowUs() - before) | 0;
	t.equal(before, before | 0);
	t.ok(passed > 0, `${passed} us`);
});
