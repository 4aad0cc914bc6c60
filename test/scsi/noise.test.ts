// Whatever bytes a CDB and its parameters have: each command ends once, with nothing held, and nothing is thrown. From nearly right to noise, by chance that
// repeats.

import t from "tap";
import { Random } from "../../lib/random.js";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { listOf, segmentOf, targetOf, two } from "./copying.js";
import { idOf, lengthBefore } from "./reserving.js";
import type { TestHost } from "./support.js";

const ROUNDS = 20_000;

/** Commands that are right: each CDB, and its data. */
function seeds(host: TestHost, targets: readonly Buffer[]): (readonly [Buffer, Buffer])[] {
	const hex = (cdb: string, data = ""): readonly [Buffer, Buffer] => [
		Buffer.from(cdb.replaceAll(" ", ""), "hex"),
		Buffer.from(data.replaceAll(" ", ""), "hex"),
	];
	const copyList = listOf(targets, [
		segmentOf({ source: 0, destination: 1, blocks: 8, from: 0, to: 8 }),
		segmentOf({ source: 1, destination: 1, blocks: 3, from: 1, to: 2 }),
	]);
	const copyHead = Buffer.alloc(16);
	copyHead[0] = 0x83;
	copyHead.writeUInt32BE(copyList.length, 10);
	const names = lengthBefore([idOf(host), idOf(host)]);
	const key = "0000000000000001";
	const register = Buffer.concat([Buffer.from(`0000000000000000${key}0000000008000000`, "hex"), names]);
	return [
		hex("12 00 00 00ff 00"),
		hex("12 01 83 00ff 00"),
		hex("1a 00 3f ff ff 00"),
		hex("5a 10 3f 00 000000 00ff 00"),
		hex("15 10 0000 18 00", `00000000 081204 ${"00".repeat(17)}`),
		hex("55 10 0000000000 0014 00", "0000000000000000 0a0a241008000000ffff0000"),
		hex("15 10 0000 0c 00", "00000008 0000200000000200"),
		hex("a0 00 00 000000 000000ff 00 00"),
		hex("03 01 00 00 ff 00"),
		hex("4d 00 40 00 00 0000 00ff 00"),
		hex("a3 0a 00 00 0000 000000ff 00 00"),
		hex("a3 0c 81 5e 0001 000000ff 00 00"),
		hex("a3 0d 80 00 0000 000000ff 00 00"),
		hex("16 00 00 00 00 00"),
		hex("17 00 00 00 00 00"),
		hex("1b 00 00 00 01 00"),
		hex("1e 00 00 00 00 00"),
		hex("5e 00 00 00 00 00 00 00 ff 00"),
		hex("5e 03 00 00 00 00 00 00 ff 00"),
		[Buffer.from([0x5f, 0, 0, 0, 0, 0, 0, 0, register.length, 0]), register],
		hex("5f 06 05 00 00 00 00 00 18 00", `0000000000000000${key}0000000000000000`),
		hex("5f 01 05 00 00 00 00 00 18 00", `${key}0000000000000000 0000000000000000`),
		hex("5f 05 05 00 00 00 00 00 18 00", `${key}${key} 0000000000000000`),
		[copyHead, copyList],
		hex("84 00 01 00000000000000 000000ff 00 00"),
		hex("84 03 00 00000000000000 000000ff 00 00"),
	];
}

t.test("each command ends, whatever it holds", async (t) => {
	const random = new Random(7143);
	const { under, one, other, host } = two();
	const second = under.host("second");
	one.reservations.keep = async () => random.below(4) > 0;
	const all = seeds(host, [targetOf(one), targetOf(other)]);
	const changed = (bytes: Buffer, most: number): Buffer => {
		const copy = Buffer.from(bytes);
		for (let left = copy.length === 0 ? 0 : random.below(most + 1); left > 0; left--)
			copy[random.below(copy.length)] = random.below(3) === 0 ? random.below(256) : 1 << random.below(8);
		return copy;
	};
	const ends = new Map<ScsiStatus, number>();
	for (let round = 0; round < ROUNDS; round++) {
		const [cdb, data] = all[random.below(all.length)]!;
		const by = random.below(3) === 0 ? second : host;
		const dataOut =
			random.below(8) === 0 ? data.subarray(0, random.below(data.length + 1)) : changed(data, 3);
		by.chunkBytes = 1 + random.below(600);
		const lun = random.below(20) === 0 ? random.below(4) : 0;
		const dataInBytes = random.below(4) === 0 ? random.below(300) : 4096;
		const sent = by.send(changed(cdb, 2), { dataOut, dataInBytes, lun });
		sent.give(random.below(6) === 0 ? random.below(40) : data.length);
		if (sent.task.awaitedBytes > 0 || random.below(20) === 0) {
			if (sent.task.work !== null) sent.task.abort();
		}
		const { status } = await sent.answer;
		ends.set(status, (ends.get(status) ?? 0) + 1);
	}
	for (const each of [host, second]) t.same([each.underWay, each.rooms.takenBytes], [0, 0]);
	t.same([one.disk.underWay, other.disk.underWay], [0, 0]);
	const { good, checkCondition, reservationConflict, taskAborted } = ScsiStatus;
	for (const status of [good, checkCondition, reservationConflict, taskAborted])
		t.ok((ends.get(status) ?? 0) > 50, `${status}: ${ends.get(status)}`);
});
