// What the service manager hears while disks are opened: that it takes longer, until it is ready, and not for ever.
import t from "tap";
import type { Log } from "../../lib/log.js";
import { Notifier } from "../../lib/notify.js";
import { Manager } from "../../lib/opener/manager.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

const MINUTE_MS = 60_000;
const say = (): void => {};
const LOG: Log = { error: say, warn: say, info: say, verbose: say };

class Ear extends Notifier {
	extensions = 0;

	override extend(): boolean {
		this.extensions += 1;
		return true;
	}
}

function started(): { clock: VirtualClock; ear: Ear; manager: Manager } {
	const clock = new VirtualClock();
	const ear = new Ear({});
	const manager = new Manager(LOG, ear, clock);
	manager.starting();
	return { clock, ear, manager };
}

t.test("until all is ready it hears again and again that starting takes longer", async (t) => {
	const { clock, ear, manager } = started();
	t.equal(ear.extensions, 1, "at once");
	clock.pass(MINUTE_MS);
	t.equal(ear.extensions, 7);
	manager.tell("ready", "1 disk");
	clock.pass(MINUTE_MS);
	t.equal(ear.extensions, 7, "not when it is ready");
});

t.test("not for ever, nor when it is to stop", async (t) => {
	const { clock, ear } = started();
	clock.pass(60 * MINUTE_MS);
	t.equal(ear.extensions, 60, "ten minutes of it");
	const second = started();
	second.manager.stopping();
	second.clock.pass(MINUTE_MS);
	t.equal(second.ear.extensions, 1);
});
