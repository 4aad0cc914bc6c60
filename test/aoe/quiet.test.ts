// A disk that another host may have by now: nobody hears of it here, whatever is asked, until it is known to be this host's.

import t from "tap";
import type { Tenure } from "../../lib/block/device.js";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { Bench, frame, makeBlade } from "../support/target-bench.js";
import { A, ALL, answerFrom, isQuestion, isServed, pass, probeFrom, T, tagOf } from "./neighbours-bench.js";

/** As of a pool whose lease runs, or not. */
class Leased extends DeviceLayer implements Tenure {
	mayAnswer = true;
	readonly epoch = 1;
	isNew = false;

	override get tenure(): Tenure {
		return this;
	}

	protected handle(request: BlockRequest): void {
		this.device.submit(request);
	}

	below(request: BlockRequest): void {
		request.resume();
	}
}

const OTHER = "0200000000bb";
const ASKED = {
	"its config": frame(`${T} ${A} 88a2 10 00 0009 01 01 0000aaaa`),
	"who there is": frame(`${ALL} ${A} 88a2 10 00 ffff ff 01 0000aaab`),
	"what disk it is": frame(`${T} ${A} 88a2 10 00 0009 01 00 0000aaac 00 00 01 ec 00 00 00 00 00 00 0000`),
	"a reservation": frame(`${T} ${A} 88a2 10 00 0009 01 03 0000aaad 00 00`),
	"who else has its address": probeFrom(OTHER, "00", "00", "0000aaae"),
} as const;

t.test("it is silent, and is not told of, until it is known to be ours again", async (t) => {
	const bench = new Bench();
	const leased = new Leased(new MemoryDevice(2 ** 20));
	await bench.clock.until(bench.target.claim(makeBlade(9, 1, leased)));
	bench.target.serveClaims();
	bench.link.take();
	const answers = (): string[] =>
		Object.entries(ASKED)
			.filter(([, asked]) => bench.ask(asked).length > 0 || pass(bench, 500).length > 0)
			.map(([what]) => what);
	const all = Object.keys(ASKED);
	t.same(answers(), all, "as long as it is ours all is answered");

	leased.mayAnswer = false;
	t.same(answers(), []);
	bench.link.changed();
	bench.target.linkChanged();
	t.same(pass(bench, 3_600_000), [], "nor is anybody told of it for an hour, or asked who else has it");
	t.same(bench.turns, [], "whoever else is there");
	t.ok((bench.rejected.silent ?? 0) >= 3);

	leased.mayAnswer = true;
	t.same(answers(), all);
});

/** Of a disk that another host has served until just now, or not. */
async function claiming(isNew: boolean): Promise<Bench> {
	const bench = new Bench();
	const leased = new Leased(new MemoryDevice(2 ** 20));
	leased.isNew = isNew;
	const claimed = bench.target.claim(makeBlade(9, 1, leased));
	await (isNew ? claimed : bench.clock.until(claimed));
	bench.target.serveClaims();
	return bench;
}

t.test(
	"what another host has served until just now is served at once, and asked about meanwhile",
	async (t) => {
		const bench = await claiming(true);
		const sent = bench.link.take();
		t.equal(sent.filter((each) => !isQuestion(each)).length, 1, "all are told of it");
		t.ok(isServed(bench));
		const [question, ...more] = [...sent.filter(isQuestion), ...pass(bench, 50).filter(isQuestion)];
		t.same(more, []);
		t.type(question, Buffer);
		// A target of another kind, which does not yield.
		for (
			let asked: Buffer | undefined = question, answers = 0;
			asked !== undefined && answers < 20;
			answers++
		) {
			bench.ask(answerFrom(OTHER, "01", T, tagOf(asked)));
			asked = pass(bench, 100).find(isQuestion);
		}
		t.notOk(isServed(bench), "but not for long beside somebody else");

		const stranger = await claiming(false);
		t.equal(
			stranger.link.take().filter(isQuestion).length,
			3,
			"whatever else is served is asked about first",
		);
		t.ok(isServed(stranger));
	},
);

t.test("what is closed under a command is asked again, and not told to be a fault of the disk", (t) => {
	const bench = new Bench();
	const device = new MemoryDevice(2 ** 20);
	const blade = bench.disk(9, 1, device);
	const read = frame(`${T} ${A} 88a2 10 00 0009 01 00 0000aaad 00 00 01 20 00 00 00 00 00 00 0000`);
	t.equal(bench.ask(read).length, 1);
	void device.close();
	t.same(bench.ask(read), []);
	t.equal(bench.rejected.silent, 1);
	t.same([blade.disk.stats.causes.closed, blade.disk.underWay, blade.disk.faults], [1, 0, 0]);
	t.end();
});
