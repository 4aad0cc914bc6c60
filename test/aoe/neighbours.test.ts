// Other targets: who answers for an address is asked before it is served, and noticed afterwards.
import t from "tap";
import { Bench, frame } from "../support/target-bench.js";

const T = "020000000001";
const A = "0200000000aa";
const ALL = "ffffffffffff";
const OUR_QUERY = frame(`${ALL} ${T} 88a2 10 00 0009 01 01 76626c64`);
const answerFrom = (mac: string, slot = "01", destination = T): Buffer =>
	frame(`${destination} ${mac} 88a2 18 00 0009 ${slot} 01 76626c64 0010 4019 02 10 0000`);

t.test("asking: nobody is there", async (t) => {
	const bench = new Bench();
	const asked = bench.target.askOwner(9, 1, 300);
	t.same(bench.link.take(), [OUR_QUERY]);
	t.equal(await bench.clock.until(asked), undefined);
	t.equal(bench.clock.now(), 300);
	t.same(bench.link.take(), [OUR_QUERY, OUR_QUERY], "asked three times in all");
	t.notOk(bench.clock.step(), "no timer is left");
});

t.test("asking: somebody is", async (t) => {
	const bench = new Bench();
	const asked = bench.target.askOwner(9, 1, 300);
	bench.link.receive(answerFrom("0200000000cc", "00"));
	bench.link.receive(answerFrom("0200000000bb"));
	t.equal(await asked, 0x0200000000bb, "for this very slot");
	t.equal(bench.clock.now(), 0, "without waiting on");
	t.notOk(bench.clock.step(), "no timer is left");
	t.same(bench.conflicts, []);
	t.equal(bench.stats.responsesHeard, 2);
	t.same(bench.rejected, {});
});

t.test("asking: an advertisement is an answer too, even vblade's of version 0", async (t) => {
	const bench = new Bench();
	const asked = bench.target.askOwner(9, 1, 300);
	bench.link.receive(frame(`${ALL} 0200000000bb 88a2 08 00 0009 01 01 00000000 0010 4019 02 10 0000`));
	t.equal(await asked, 0x0200000000bb);
});

t.test("asking: our own links are nobody", async (t) => {
	const bench = new Bench({ ownMacs: [0x0200000000ff] });
	const asked = bench.target.askOwner(9, 1, 300);
	bench.link.receive(answerFrom("0200000000ff"));
	bench.link.receive(OUR_QUERY);
	bench.link.receive(frame(`${ALL} 0200000000ff 88a2 10 00 0009 01 01 76626c64`));
	t.equal(await bench.clock.until(asked), undefined);
	t.same(bench.rejected, { ownSource: 2 });
});

t.test("asking for many addresses at once, with few slots", async (t) => {
	const bench = new Bench({ slots: 2, holdSent: true });
	const asked = Array.from({ length: 50 }, (_, slot) => bench.target.askOwner(9, slot, 300));
	let apart = 0;
	let toAll = 0;
	const count = (): void => {
		for (const query of bench.link.take()) {
			if (query.readUInt16BE(16) === 0xffff && query[18] === 0xff) toAll += 1;
			else apart += 1;
		}
		bench.link.flush();
	};
	count();
	bench.clock.step();
	count();
	bench.link.receive(answerFrom("0200000000bb", "30"));
	while (bench.clock.step()) count();
	const found = await Promise.all(asked);
	t.equal(found[0x30], 0x0200000000bb, "who answers is found");
	t.equal(found.filter((mac) => mac === undefined).length, 49, "for that address and no other");
	t.ok(toAll >= 3, "everybody is asked, more than once");
	t.ok(apart <= 16, "and few addresses are asked for apart");
});

t.test("a question that finds no slot is asked a little later", async (t) => {
	const bench = new Bench({ slots: 1, holdSent: true });
	bench.disk();
	bench.ask(frame(`${T} ${A} 88a2 10 00 0009 00 01 00000001`));
	const asked = bench.target.askOwner(9, 1, 300);
	t.same(bench.link.take(), []);
	bench.link.flush();
	bench.clock.step();
	t.same(bench.link.take(), [OUR_QUERY]);
	bench.link.receive(answerFrom("0200000000bb"));
	t.equal(await asked, 0x0200000000bb);
});

t.test("a rival that appears later is reported once", async (t) => {
	const bench = new Bench({ ownMacs: [0x0200000000ff] });
	bench.disk(9, 0);
	bench.disk(9, 1);
	const advert = (mac: string, slot: string, destination = ALL) => answerFrom(mac, slot, destination);
	bench.link.receive(advert("0200000000bb", "00"));
	bench.link.receive(advert("0200000000bb", "00", T));
	bench.link.receive(advert("0200000000ff", "00"));
	bench.link.receive(advert("0200000000bb", "02"));
	t.same(bench.conflicts, ["e9.0 0200000000bb"]);
	bench.link.receive(advert("0200000000bb", "01"));
	bench.link.receive(advert("0200000000cc", "00"));
	t.same(bench.conflicts.slice(1), ["e9.1 0200000000bb", "e9.0 0200000000cc"]);
	for (let i = 0; i < 100; i++)
		bench.link.receive(advert(`0200000001${i.toString(16).padStart(2, "0")}`, "00"));
	t.equal(
		bench.conflicts.filter((line) => line.startsWith("e9.0")).length,
		16,
		"made-up addresses do not fill the log",
	);
	t.same(bench.link.take(), [], "responses are not answered");
});
