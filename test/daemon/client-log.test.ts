// Clients of NBD in the log: each of a few, but no flood of lines.
import t from "tap";
import { ClientLog } from "../../lib/daemon/client-log.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

t.test("sixty lines a minute, and one about those beyond", async (t) => {
	const lines: string[] = [];
	const untold: string[] = [];
	const push = (line: string) => void lines.push(line);
	const clock = new VirtualClock();
	const log = new ClientLog(
		{ error: push, warn: push, info: push, verbose: (line) => void untold.push(line) },
		"nbd",
		clock,
	);
	const web = { of: "web" };
	log.refused(web, "192.0.2.9:1");
	log.came(web, "192.0.2.7:1");
	log.went(web, "192.0.2.7:1", "the connection has broken");
	t.same(lines, [
		"nbd: web: 192.0.2.9:1 was refused: it is not among those who may have it",
		"nbd: web: 192.0.2.7:1 is connected",
		"nbd: web: 192.0.2.7:1 has gone: the connection has broken",
	]);
	for (let i = 0; i < 100; i++) log.came(web, `192.0.2.7:${i}`);
	t.equal(lines.length, 60);
	t.equal(untold.length, 43);
	clock.pass(60_000);
	t.same(lines.slice(60), ["nbd: clients came, went or were refused 43 times more"]);
	log.went(web, "192.0.2.7:1", null);
	t.equal(lines.at(-1), "nbd: web: 192.0.2.7:1 has gone", "and then each is told again");
	clock.pass(60_000);
	t.equal(lines.length, 62, "with nothing left to tell, nothing is");
	log.close();
});
