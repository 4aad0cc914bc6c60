// Who uses a blade: each by its address, what it asks again, how long it waits; and no more of them than there is room for.
import t from "tap";
import { Initiators, LinkUse } from "../../lib/aoe/initiators.js";
import type { AtaCommand } from "../../lib/ata/command.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import { Departures } from "../../lib/departures.js";
import { Disk, makeIdentity } from "../../lib/disk.js";
import { countOf, quantileOf } from "../../lib/histogram.js";
import { Pump } from "../../lib/pump.js";
import { Random } from "../../lib/random.js";
import { turn } from "../../lib/turn.js";
import { ManualDevice } from "../block/devices.js";
import { ataFrame } from "../support/frames.js";
import { Bench } from "../support/target-bench.js";

const TARGET = "02:00:00:00:00:01";
const [ONE, TWO] = ["02:00:00:00:00:aa", "02:00:00:00:00:bb"];
const READ = 0x24;
const WRITE = 0x34;

interface Asking {
	readonly src?: string;
	readonly tag?: number;
	readonly command?: number;
	readonly lba?: number;
	readonly data?: Buffer;
}

function request({ src = ONE, tag = 1, command = READ, lba = 0, data }: Asking): Buffer {
	const aflags = data === undefined ? 0x40 : 0x41;
	const ata = { aflags, command, count: 1, lba, ...(data && { data }) };
	return ataFrame({ dst: TARGET, src, shelf: 9, slot: 0, tag }, ata);
}

t.test("each initiator's requests, and the link's and the disk's", async (t) => {
	const bench = new Bench();
	const blade = bench.disk();
	bench.ask(request({}));
	bench.ask(request({ tag: 2, command: WRITE, lba: 8, data: Buffer.alloc(512) }));
	bench.ask(request({ src: TWO, lba: 5 }));
	bench.ask(request({ src: TWO, tag: 2, lba: 2 ** 30 }));
	bench.ask(request({ src: TWO, tag: 3, command: 0xe7 }));
	bench.ask(request({ src: TWO, tag: 4, command: 0xff }));
	const known = [...blade.initiators];
	t.same(
		known.map(({ mac }) => mac.toString(16)),
		["200000000bb", "200000000aa"],
	);
	blade.initiators.handOn();
	const [two, one] = known;
	t.match(one?.counts, { reads: 1, readBytes: 512, writes: 1, writtenBytes: 512, flushes: 0, errors: 0 });
	t.match(two?.counts, { reads: 1, readBytes: 512, writes: 0, flushes: 1, errors: 2 });
	t.match(bench.target.use.counts, { reads: 2, readBytes: 1024, writes: 1, flushes: 1, errors: 2 });
	t.match(blade.disk.stats, { reads: 2, writes: 1, flushes: 1, errors: 2, causes: { range: 1, refused: 1 } });
	t.equal(one?.underWay, 0);
	blade.access.mask.add(1);
	bench.ask(request({}));
	t.equal(blade.disk.stats.causes.access, 1, "who is shut out is counted, too");
	bench.target.release(blade);
	t.same([...blade.initiators], [], "nobody can come any more");
	t.equal(bench.target.use.known, 0);
});

t.test("how long a request takes: from its arrival until its answer has left", async (t) => {
	const pump = new Pump();
	let now = 1_000_000;
	const departures = new Departures(pump, () => now);
	const bench = new Bench({ departures });
	const device = new ManualDevice();
	const blade = bench.disk(9, 0, device);
	bench.link.arrivedUs = now - 100;
	bench.link.receive(request({}));
	bench.link.receive(request({ src: TWO, tag: 2, command: WRITE, lba: 64, data: Buffer.alloc(512) }));
	bench.link.receive(request({ src: TWO, tag: 3, lba: 2 ** 40 }));
	while (device.pending.length > 0) device.done(0);
	now += 300;
	pump.run();
	const { latencies } = blade.disk;
	t.same(latencies.of, [null, null, null, null], "nobody has looked");
	blade.initiators.handOn();
	const took = latencies.of.map((each) => each && Math.round(quantileOf(each.counts, 1) * 1e6));
	t.equal(took[2], null, "no flush");
	for (const us of took.slice(0, 2)) t.ok(Math.abs(us! - 400) < 20, `${us} us`);
	t.equal(countOf(latencies.of[0]!.counts), 1, "what has failed does not count");
	const sums = [...blade.initiators].map(({ latencies }) => latencies.of.map((each) => each?.sumUs));
	t.same(sums, [
		[undefined, 400, undefined, undefined],
		[400, undefined, undefined, undefined],
	]);
	t.equal(bench.target.use.latencies.of[0]?.sumUs, 400);
	blade.initiators.handOn();
	t.equal(bench.target.use.latencies.of[0]?.sumUs, 400, "each once");
});

t.test("what is asked again is known by its tag, or while the first has no answer", async (t) => {
	const bench = new Bench({ rooms: 64 });
	const device = new ManualDevice();
	const blade = bench.disk(9, 0, device);
	const resends = (asking: Asking, arrivedUs: number): number => {
		bench.link.arrivedUs = arrivedUs;
		bench.link.receive(request(asking));
		const { resends } = blade.disk.stats;
		blade.initiators.handOn();
		t.equal(bench.target.use.counts.resends, resends);
		return resends;
	};
	t.equal(resends({ tag: 1, lba: 8 }, 0), 0);
	t.equal(resends({ tag: 2, lba: 16 }, 0), 0, "another place");
	t.equal(resends({ tag: 3, lba: 8, src: TWO }, 5000), 0, "another initiator");
	t.equal(resends({ tag: 4, lba: 8 }, 999), 0, "so soon nobody asks again: it is meant twice");
	t.equal(resends({ tag: 5, lba: 8 }, 2000), 1, "with a new tag, as Linux does");
	t.equal(resends({ tag: 5, lba: 8 }, 2001), 2, "with the same tag, at any time");
	while (device.pending.length > 0) device.done(0);
	t.equal(resends({ tag: 6, lba: 8 }, 50_000), 2, "what has been answered may be wanted again");
	t.equal(resends({ tag: 6, lba: 8 }, 50_001), 3);
	t.equal(resends({ tag: 6, lba: 9 }, 50_002), 3, "who has one tag for everything asks for other things");
	const [two, one] = [...blade.initiators].sort((a, b) => b.mac - a.mac);
	t.same([one?.counts.resends, two?.counts.resends], [3, 0]);
});

t.test("whoever comes from ever new addresses gets no more room, and costs no more", async (t) => {
	const link = new LinkUse();
	const disk = (name: string) => new Disk(name, makeIdentity(name, "1"), new MemoryDevice(512));
	const blades = Array.from({ length: 20 }, (_, i) => new Initiators(disk(`disk ${i}`)));
	link.allowFor(blades.length);
	const random = new Random(7);
	let dearest = 0;
	let idle = true;
	for (let i = 0; i < 20_000; i++) {
		const before = turn.total;
		const initiator = random.pick(blades as [Initiators]).of(link, 0x02000000 | random.below(4000), i % 7);
		idle &&= initiator.underWay === 0;
		dearest = Math.max(dearest, turn.total - before);
	}
	const known = blades.flatMap((each) => [...each]);
	t.ok(idle, "what nobody has asked anything of");
	t.equal(link.known, known.length, "all are counted");
	t.ok(known.length >= 256 && known.length <= 256 + 20 + 32, `${known.length} are known`);
	t.ok(dearest <= 256, `${dearest} steps`);
	for (const each of blades) each.forget(link);
	t.equal(link.known, 0);
});

t.test("many initiators of one blade are told apart", async (t) => {
	const link = new LinkUse();
	const initiators = new Initiators(new Disk("one", makeIdentity("one", "1"), new MemoryDevice(512)));
	const those = Array.from({ length: 100 }, (_, i) => initiators.of(link, 0x02000000, i));
	t.equal(new Set(those).size, 100);
	const kept = those.filter((each, i) => initiators.of(link, 0x02000000, i) === each);
	t.ok(kept.length > 80, `${kept.length} of 100 are still known: chance may put nine of them in one set`);
	t.not(initiators.of(new LinkUse(), 0x02000000, 1), those[1], "nor is one on another link the same");
});

t.test("who is forgotten with commands under way is still told what they come to", async (t) => {
	const link = new LinkUse();
	const initiators = new Initiators(new Disk("one", makeIdentity("one", "1"), new MemoryDevice(512)));
	const command = { lba: 1, command: READ, count: 1 } as AtaCommand;
	const busy = initiators.of(link, 1, 1);
	const place = busy.asked(command, 7, 0);
	link.knownMax = 1;
	const next = initiators.of(link, 2, 2);
	t.not(next, busy);
	t.same([...initiators], [next]);
	t.equal(initiators.of(link, 3, 3), next, "one that is idle is used again");
	t.equal(next.mac, 3 * 2 ** 16 + 3);
	busy.answered(place, 7, 0, 512, false);
	t.equal(busy.underWay, 0);
	t.equal(link.counts.reads, 1);
	t.equal(next.counts.reads, 0);
});
