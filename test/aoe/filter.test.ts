// The kernel's filter for a target, run by a machine of our own: which frames it lets in.
import t from "tap";
import { answerFilter, aoeFilter, TargetFilter } from "../../lib/aoe/filter.js";
import { addressOf } from "../../lib/aoe/registry.js";
import { type FrameMeta, runBpf } from "../support/bpf-machine.js";
import { Bench, bytes, makeBlade } from "../support/target-bench.js";

const HOST: FrameMeta = { packetType: 0, vlanTagged: false };
const ADDRESSES = "020000000001 0200000000aa";

t.test("frames", async (t) => {
	const filter = aoeFilter(new Set([9, 0x1234]));
	const kept = (frame: string, meta = HOST) => runBpf(filter, bytes(frame), meta) > 60_000;
	const query = `${ADDRESSES} 88a2 10 00 0009 00 01 00000001`;
	t.ok(kept(query));
	t.ok(kept(query, { ...HOST, packetType: 1 }), "broadcast");
	for (const packetType of [2, 3, 4])
		t.notOk(kept(query, { ...HOST, packetType }), `packet type ${packetType}`);
	t.notOk(kept(query, { ...HOST, vlanTagged: true }), "with a VLAN tag, although the bytes are the same");
	t.notOk(kept(`${ADDRESSES} 0800 10 00 0009 00 01 00000001`), "another EtherType");
	t.ok(kept(`${ADDRESSES} 88a2 10 00 1234 00 00 00000001`), "the other shelf");
	t.ok(kept(`${ADDRESSES} 88a2 10 00 ffff ff 01 00000001`), "all shelves");
	t.notOk(kept(`${ADDRESSES} 88a2 10 00 000a 00 01 00000001`), "a shelf that is not here");
	t.notOk(kept(`${ADDRESSES} 88a2 18 00 0009 00 00 00000001`), "an ATA response");
	t.ok(kept(`${ADDRESSES} 88a2 18 00 0009 00 01 00000001`), "a config response: a neighbour");
	t.ok(kept(`${ADDRESSES} 88a2 08 00 0009 00 01 00000000`), "vblade's advertisement, of version 0");
	t.notOk(kept(`${ADDRESSES} 88a2 18 00 000a 00 01 00000001`), "a neighbour on another shelf");
	t.notOk(kept(`${ADDRESSES} 88a2 10 00 00`), "cut off");
	t.ok(kept(`${ADDRESSES} 88a2 20 00 0009 00 01 00000001`), "versions are the target's to refuse");
});

t.test("answers to the initiator of one disk", async (t) => {
	const filter = answerFilter(addressOf(0x1234, 5));
	const kept = (frame: string, meta = HOST) => runBpf(filter, bytes(frame), meta) > 60_000;
	const answer = `${ADDRESSES} 88a2 18 00 1234 05 00 00000001`;
	t.ok(kept(answer));
	t.ok(kept(`${ADDRESSES} 88a2 08 00 1234 05 01 00000000`, { ...HOST, packetType: 1 }), "an announcement");
	t.notOk(kept(answer, { ...HOST, packetType: 3 }), "to another host");
	t.notOk(kept(answer, { ...HOST, vlanTagged: true }));
	t.notOk(kept(`${ADDRESSES} 88a2 10 00 1234 05 00 00000001`), "a request");
	t.notOk(kept(`${ADDRESSES} 88a2 18 00 1234 06 00 00000001`), "of another slot");
	t.notOk(kept(`${ADDRESSES} 88a2 18 00 1235 05 00 00000001`), "of another shelf");
	t.notOk(kept(`${ADDRESSES} 0800 18 00 1234 05 00 00000001`), "another EtherType");
});

t.test("many shelves", async (t) => {
	const shelves = (count: number) => new Set(Array.from({ length: count }, (_, i) => i));
	const frame = (shelf: number) =>
		bytes(`${ADDRESSES} 88a2 10 00 ${shelf.toString(16).padStart(4, "0")} 00 01 00000001`);
	const exact = aoeFilter(shelves(64));
	t.ok(runBpf(exact, frame(0), HOST));
	t.ok(runBpf(exact, frame(63), HOST));
	t.notOk(runBpf(exact, frame(64), HOST));
	const all = aoeFilter(shelves(65));
	t.ok(runBpf(all, frame(64), HOST));
	t.ok(runBpf(all, frame(65), HOST), "more than 64: all are let in");
	t.notOk(runBpf(all, bytes(`${ADDRESSES} 0800 10 00 0009 00 01 00000001`), HOST));
	t.notOk(runBpf(aoeFilter(new Set()), frame(0), HOST), "none: only broadcasts");
});

t.test("links on which other processes serve, too", async (t) => {
	const addresses = new Set([addressOf(9, 0), addressOf(9, 2), addressOf(0x1234, 0xfe)]);
	const filter = aoeFilter(new Set([9, 0x1234]), addresses);
	const kept = (address: string) =>
		runBpf(filter, bytes(`${ADDRESSES} 88a2 10 00 ${address} 00 00000001`), HOST) > 60_000;
	for (const address of ["0009 00", "0009 02", "1234 fe", "0009 ff", "1234 ff", "ffff ff", "ffff 01"])
		t.ok(kept(address), address);
	for (const address of ["0009 01", "0009 fe", "1234 00", "1235 fe", "00ff ff"])
		t.notOk(kept(address), address);
	t.notOk(runBpf(filter, bytes(`${ADDRESSES} 0800 10 00 0009 00 00 00000001`), HOST), "another EtherType");
	const many = new Set(Array.from({ length: 64 }, (_, slot) => addressOf(9, slot)));
	const whole = aoeFilter(new Set([9]), many);
	t.ok(runBpf(whole, bytes(`${ADDRESSES} 88a2 10 00 0009 c8 00 00000001`), HOST), "too many: by shelf");
});

t.test("the target keeps its link's filter up to date", async (t) => {
	const bench = new Bench();
	const query = bytes(`${ADDRESSES} 88a2 10 00 0009 00 01 00000001`);
	t.notOk(runBpf(bench.link.filter, query, HOST));
	bench.disk(8, 0);
	t.notOk(runBpf(bench.link.filter, query, HOST), "a shelf that is nobody's");
	const asked = bench.claim(9, 0);
	bench.clock.pass(0);
	t.ok(runBpf(bench.link.filter, query, HOST), "a shelf that is asked for");
	await bench.clock.until(asked);
	bench.target.registryChanged();
	t.ok(runBpf(bench.link.filter, query, HOST), "one that is claimed is listened to, served or not");
	const other = new Bench();
	other.disk(9, 3);
	t.ok(runBpf(other.link.filter, query, HOST), "a shelf that is served");
});

t.test("thousands that are claimed, or go, together cost one filter for many", async (t) => {
	const bench = new Bench();
	const blades = Array.from({ length: 1024 }, (_, index) => makeBlade(index >> 7, index & 127));
	const owners = Promise.all(blades.map((blade) => bench.target.claim(blade)));
	const before = bench.link.filters;
	await bench.clock.until(owners);
	t.ok(bench.link.filters > before, "it is there before the answers are");
	t.ok(bench.link.filters - before < 8, `${bench.link.filters - before} filters`);
	const asked = bench.link.filters;
	for (const blade of blades) bench.target.release(blade);
	t.equal(bench.link.filters, asked);
});

t.test("it is another one only for what it does not let in", async (t) => {
	const wanted = (isShared: boolean): boolean[] => {
		const filter = new TargetFilter(isShared);
		filter.make([{ shelf: 9, slot: 0 }]);
		return [9, 9, 10, 9].map((shelf, slot) => {
			filter.want({ shelf, slot: slot + 1 });
			return filter.isOld;
		});
	};
	t.strictSame(wanted(false), [false, false, true, true], "thousands of blades are on few shelves");
	t.strictSame(wanted(true), [true, true, true, true]);
});
