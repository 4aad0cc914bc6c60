// Control that is started again stands back for a while, and for no longer; whoever has its number afterwards is left alone.
import t from "tap";
import { standBack } from "../../lib/opener/priority.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

t.test("it stands back, and is as the others again", async (t) => {
	for (const isThere of [true, false]) {
		const clock = new VirtualClock();
		const said: [number, number][] = [];
		standBack(
			7,
			() => isThere,
			clock,
			(pid, priority) => said.push([pid, priority]),
			() => true,
		);
		t.strictSame(said, [[7, 10]]);
		clock.pass(60_000);
		t.strictSame(said.slice(1), isThere ? [[7, 0]] : []);
	}
});

t.test("what could not be given back is not taken", async (t) => {
	const clock = new VirtualClock();
	standBack(
		7,
		() => true,
		clock,
		() => t.fail("taken"),
		() => false,
	);
	clock.pass(60_000);
});

t.test("a process that is gone already", async () => {
	const gone = (): void => {
		throw new Error("ESRCH");
	};
	standBack(
		7,
		() => true,
		new VirtualClock(),
		gone,
		() => true,
	);
});
