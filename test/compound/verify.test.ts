// Comparing the members of a mirror: which ranges differ, who is right, and what is written again; a stretch after the other.

import t from "tap";
import { BlockOp } from "../../lib/block/request.js";
import type { Mirror } from "../../lib/compound/mirror/mirror.js";
import type { VerifyOptions, VerifyReport } from "../../lib/compound/mirror/verify.js";
import { KIB, MIB, Stage } from "./stage.js";

const SIZE = 5 * MIB;

async function opened(count: number): Promise<{ stage: Stage; mirror: Mirror }> {
	const stage = new Stage(Array.from({ length: count }, () => SIZE));
	const mirror = await stage.open();
	await stage.until(mirror, Array.from({ length: count }, () => "inSync").join(" "));
	for (let at = 0; at < 4 * MIB; at += 64 * KIB) await stage.write(mirror, at, 4096, 1);
	await stage.pass(60_000);
	return { stage, mirror };
}

const verify = (stage: Stage, mirror: Mirror, options: VerifyOptions = {}): Promise<VerifyReport> =>
	stage.clock.until(mirror.verify(options));

t.test("of three the one that is alone is wrong, and gets what the others have", async (t) => {
	const { stage, mirror } = await opened(3);
	await stage.write(stage.disks[0]!, MIB, 512, 7);
	await stage.write(stage.disks[2]!, 2 * MIB, 8192, 8);
	const found = await verify(stage, mirror);
	t.same(found.ranges, [
		{ offsetBytes: MIB, lengthBytes: 4096, from: 1, members: [0], isRepaired: false },
		{ offsetBytes: 2 * MIB, lengthBytes: 8192, from: 0, members: [2], isRepaired: false },
	]);
	t.equal(await stage.byteAt(stage.disks[0]!, MIB), 7, "nothing is changed unless that is asked for");
	t.match(await verify(stage, mirror, { byMajority: true }), {
		differentBytes: 12_288,
		repairedBytes: 12_288,
	});
	t.equal(await stage.byteAt(stage.disks[0]!, MIB), 1);
	t.match(mirror.state.members, [{ repairs: 1 }, { repairs: 0 }, { repairs: 1 }]);
	t.match(await verify(stage, mirror), { differentBytes: 0, isComplete: true });
	await stage.close(mirror);
});

t.test("where there is no majority nothing is written, unless somebody is named", async (t) => {
	const { stage, mirror } = await opened(3);
	for (const [i, disk] of stage.disks.entries()) await stage.write(disk, MIB, 512, 10 + i);
	await stage.write(stage.disks[1]!, 2 * MIB, 512, 9);
	t.match(await verify(stage, mirror, { byMajority: true }), { differentBytes: 8192, repairedBytes: 4096 });
	const bytes = async () => Promise.all(stage.disks.map((disk) => stage.byteAt(disk, MIB)));
	t.strictSame(await bytes(), [10, 11, 12]);
	await stage.write(stage.disks[1]!, 2 * MIB, 512, 9);
	t.match(await verify(stage, mirror, { byMajority: true, repairFrom: 1 }), { repairedBytes: 8192 });
	t.strictSame(await bytes(), [11, 11, 11]);
	t.equal(await stage.byteAt(stage.disks[1]!, 2 * MIB), 1, "a majority is right, whoever is named");
	await stage.write(stage.disks[1]!, 2 * MIB, 512, 9);
	t.match(await verify(stage, mirror, { repairFrom: 1 }), { repairedBytes: 4096 });
	for (const disk of stage.disks)
		t.equal(await stage.byteAt(disk, 2 * MIB), 9, "who is named alone is right");
	await stage.close(mirror);
});

t.test("stretches tell the same as one go, and the ranges that are told are bounded", async (t) => {
	const { stage, mirror } = await opened(2);
	for (let i = 0; i < 130; i++) await stage.write(stage.disks[1]!, i * 16 * KIB, 512, 7);
	const whole = await verify(stage, mirror);
	t.match(whole, { rangeCount: 130, differentBytes: 130 * 4096, isComplete: true });
	t.equal(whole.ranges.length, 100);
	let [ranges, bytes, stretches] = [0, 0, 0];
	for (let fromBytes = 0; fromBytes < 4 * MIB; stretches++) {
		const stop = new AbortController();
		stage.clock.after(1, () => stop.abort());
		const report = await verify(stage, mirror, { fromBytes, signal: stop.signal });
		t.ok(report.reachedBytes > fromBytes);
		fromBytes = report.reachedBytes;
		ranges += report.rangeCount;
		bytes += report.differentBytes;
	}
	t.ok(stretches > 1);
	t.strictSame([ranges, bytes], [130, 130 * 4096]);
	for (let at = MIB; at < 3 * MIB; at += 64 * KIB) await stage.write(stage.disks[1]!, at, 64 * KIB, 5);
	t.match(await verify(stage, mirror, { fromBytes: MIB }), {
		ranges: [{ offsetBytes: MIB, lengthBytes: 2 * MIB }],
		rangeCount: 1,
	});
	await stage.close(mirror);
});

t.test("what one can't read is unknown; who falls out while it reads is nobody to be like", async (t) => {
	const { stage, mirror } = await opened(2);
	await stage.write(stage.disks[0]!, MIB, 512, 7);
	stage.faults[0]!.add({ op: BlockOp.read, startBytes: 2 * MIB, endBytes: 2 * MIB + 4096 });
	t.match(await verify(stage, mirror), { unknownBytes: 128 * KIB, differentBytes: 4096, isComplete: true });
	stage.faults[0]!.heal();
	// Its read of the slice is still on its way when a write to it fails: it is not known what it has read.
	const { submit } = stage.faults[0]!;
	stage.faults[0]!.submit = (request) => {
		const isThere = request.op === BlockOp.read && request.offsetBytes === MIB;
		if (!isThere) return submit.call(stage.faults[0]!, request);
		stage.faults[0]!.submit = submit;
		void mirror.detach(0);
		return submit.call(stage.faults[0]!, request);
	};
	const report = await verify(stage, mirror, { repairFrom: 0 });
	t.match(report, { repairedBytes: 0, differentBytes: 0 });
	t.equal(await stage.byteAt(stage.disks[1]!, MIB), 1);
	await stage.close(mirror);
});
