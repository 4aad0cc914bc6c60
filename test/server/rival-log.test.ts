// Rivals in the log: each of a few blades, but no flood of lines.
import t from "tap";
import { RivalLog } from "../../lib/daemon/rival-log.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

t.test("twenty lines a minute, and one about those beyond", async (t) => {
	const lines: string[] = [];
	const push = (line: string) => void lines.push(line);
	const clock = new VirtualClock();
	const log = new RivalLog("eth0", { error: push, warn: push, info: push, verbose: push }, clock);
	const blade = (slot: number) => ({ name: `e9.${slot}`, disk: { name: `d${slot}` } });
	for (let i = 0; i < 100; i++) {
		log.silenced(blade(i), "02:00:00:00:00:01", "answers for it already");
		log.servedAgain(blade(i), "02:00:00:00:00:01");
	}
	t.equal(lines.length, 20);
	t.same(lines.slice(0, 2), [
		"e9.0: not served on eth0 for now: 02:00:00:00:00:01 there answers for it already",
		"e9.0: served again on eth0: 02:00:00:00:00:01 no longer answers there",
	]);
	clock.pass(60_000);
	t.same(lines.slice(20), ["eth0: blades fell silent or were served again 180 times more"]);
	log.silenced(blade(7), "02:00:00:00:00:01", "answers for it already");
	t.equal(lines.length, 22, "and then each is told again");
	clock.pass(60_000);
	t.equal(lines.length, 22, "with nothing left to tell, nothing is");
	log.close();
});
