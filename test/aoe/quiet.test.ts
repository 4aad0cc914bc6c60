// A disk that another host may have by now: nobody hears of it here, whatever is asked, until it is known to be this host's.

import t from "tap";
import { DeviceLayer } from "../../lib/block/layer.js";
import { MemoryDevice } from "../../lib/block/memory.js";
import type { BlockRequest } from "../../lib/block/request.js";
import { Bench, frame, makeBlade } from "../support/target-bench.js";
import { A, ALL, pass, probeFrom, T } from "./neighbours-bench.js";

/** As of a pool whose lease runs, or not. */
class Leased extends DeviceLayer {
	isOurs = true;

	override get mayAnswer(): () => boolean {
		return () => this.isOurs;
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

	leased.isOurs = false;
	t.same(answers(), []);
	bench.link.changed();
	bench.target.linkChanged();
	t.same(pass(bench, 3_600_000), [], "nor is anybody told of it for an hour, or asked who else has it");
	t.same(bench.turns, [], "whoever else is there");
	t.ok((bench.rejected.silent ?? 0) >= 3);

	leased.isOurs = true;
	t.same(answers(), all);
});
