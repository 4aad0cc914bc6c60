// What is said of faulty storage: once, with what an operator needs, and then in numbers.
import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { StallWatch } from "../../lib/block/stalls.js";
import { FaultLog } from "../../lib/daemon/fault-log.js";
import { StorageStatus } from "../../lib/errors.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";

function makeLog() {
	const lines: string[] = [];
	const add = (message: string) => void lines.push(message);
	const clock = new VirtualClock();
	const log = new FaultLog({ error: add, warn: add, info: add, verbose: add }, clock);
	return { lines, clock, log, said: () => lines.splice(0) };
}

const { mediumError, syncFailed } = StorageStatus;
const EIO = 5;

t.test("a fault is told once, what follows is counted and told a minute later", async (t) => {
	const { log, clock, said } = makeLog();
	for (let lba = 100; lba > 0; lba--) log.failed("e9.0", BlockOp.read, mediumError, EIO, lba);
	log.failed("e9.0", BlockOp.write, mediumError, EIO, 7);
	log.failed("e9.1", BlockOp.read, mediumError, 0, 8);
	t.strictSame(said(), [
		"e9.0: read at LBA 100 failed: mediumError (EIO)",
		"e9.0: write at LBA 7 failed: mediumError (EIO)",
		"e9.1: read at LBA 8 failed: mediumError",
	]);
	clock.step();
	t.strictSame(said(), ["e9.0: 99 more reads failed: mediumError (EIO), LBA 1 to 99"]);
	while (clock.step());
	t.strictSame(said(), [], "nothing more to tell");
	log.failed("e9.0", BlockOp.read, mediumError, EIO, 3);
	t.strictSame(
		said(),
		["e9.0: read at LBA 3 failed: mediumError (EIO)"],
		"after a quiet minute it is news again",
	);
	log.failed("e9.0", BlockOp.read, mediumError, EIO, 4);
	t.match(log.report(), [
		/^e9.0: 102 reads failed: mediumError \(EIO\)$/,
		/^e9.0: 1 writes/,
		/^e9.1: 1 reads/,
	]);
	log.close();
	t.strictSame(
		said(),
		["e9.0: 1 more reads failed: mediumError (EIO), LBA 4 to 4"],
		"at the end what is left",
	);
	t.notOk(clock.step(), "no timer is left");
});

t.test("after a sync has failed everything fails for one reason", async (t) => {
	const { log, said } = makeLog();
	log.failed("e9.0", BlockOp.flush, syncFailed, EIO, 0);
	for (const op of [BlockOp.write, BlockOp.trim, BlockOp.flush]) log.failed("e9.0", op, syncFailed, EIO, 5);
	t.strictSame(said(), ["e9.0: flush failed: syncFailed (EIO); every write fails until vblade is restarted"]);
	log.close();
	t.strictSame(said(), ["e9.0: 3 more requests failed: syncFailed (EIO), LBA 5 to 5"]);
});

t.test("a stall is told when it is one, and when it is over", async (t) => {
	const { log, said } = makeLog();
	const watch = new StallWatch();
	watch.watch(3, log.stallsOf("e9.0"));
	const request = (sector: number) => {
		const { request: made } = new PromisedRequest();
		made.storageHandle = 3;
		made.offsetBytes = sector * 512;
		return made;
	};
	const [one, two] = [request(4), request(5)];
	for (let look = 0; look < 4; look++) watch.look([one, null, two]);
	watch.over(2, 3);
	watch.look([one]);
	t.strictSame(said(), ["e9.0: read at LBA 4 has waited for its disk for 5 s"]);
	for (let look = 0; look < 5; look++) watch.look([one, two]);
	watch.over(0, 3);
	t.strictSame(said(), [], "one waits still, and it is the same stall");
	watch.over(1, 3);
	t.strictSame(said(), ["e9.0: its disk answers again after 10 s; 2 requests waited"]);
	for (let look = 0; look < 4; look++) watch.look([one]);
	watch.over(0, 3);
	t.strictSame(said(), [], "almost is not");
	t.strictSame(log.report(), ["e9.0: 2 requests had to wait long"]);
});

t.test("a file that has shrunk is told, and known until it is long enough, or another one", (t) => {
	const { log, said } = makeLog();
	const { changes } = log;
	log.shrunk("web", "/srv/web", 1024);
	t.strictSame(said(), ["web: /srv/web has shrunk to 2 sectors; requests behind its end fail"]);
	t.equal(log.shrunkBytes("web"), 1024);
	t.not(log.changes, changes, "to whoever looks at what has changed");
	log.regrown("web");
	t.equal(log.shrunkBytes("web"), undefined);
	log.shrunk("web", "/srv/web", 512);
	log.forget("web");
	t.equal(log.shrunkBytes("web"), undefined);
	t.end();
});
