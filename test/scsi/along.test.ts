// A unit that two hosts serve: what is reserved goes along when what is stored goes to the other one, or is over.

import t from "tap";
import { Opcode } from "../../lib/scsi/opcodes.js";
import { Asc, ScsiStatus } from "../../lib/scsi/protocol.js";
import { cdb10 } from "./support.js";
import { attentions, EXCLUSIVE, out, reserved, SECTOR, type Shared, stage } from "./two-hosts-stage.js";

t.test("reservations stay with the pool", async (t) => {
	const { device, under, one, two, moved } = stage();
	await out(one, 0, 0, 7, 0, 1);
	await out(one, 1, 7, 0, EXCLUSIVE);
	t.equal(under.disk.holds.against(), 2);
	const { text } = device.memo!;
	device.leave();
	moved();
	t.same(await attentions(one), [Asc.alua], "it is kept");
	t.equal(under.disk.holds.against(), 0, "the owner holds it");
	const waiting = two.send(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
	t.equal((await waiting.answer).sense?.asc, Asc.alua);
	await attentions(two);
	const late = two.send(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
	device.come(text!);
	moved();
	t.equal((await late.answer).status, ScsiStatus.taskAborted, "what was let through before is taken back");
	await attentions(two);
	const write = await two.run(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
	t.equal(write.status, ScsiStatus.reservationConflict);
	t.same(await attentions(one), [Asc.inquiryChanged, Asc.alua]);
	const { data } = await one.run("5e000000000000010000", { dataInBytes: 256 });
	t.equal(data.readBigUInt64BE(8), 7n, "whoever had registered has");
});

/** It goes to the other host, and comes back as it was kept there. */
async function away(device: Shared, moved: () => void, text: string): Promise<void> {
	device.leave();
	moved();
	device.come(text);
	moved();
}

t.test("what was not to outlive a loss of power goes along when it is handed over", async (t) => {
	const { device, one, two, moved } = stage();
	const text = await reserved(device, one);
	device.leave();
	moved();
	t.same(await attentions(one), [Asc.alua], "nothing is over");
	device.come(text);
	moved();
	await attentions(one);
	await attentions(two);
	const write = await two.run(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
	t.equal(write.status, ScsiStatus.reservationConflict);
	const { data } = await one.run("5e000000000000010000", { dataInBytes: 256 });
	t.strictSame([data.readUInt32BE(0), data.readBigUInt64BE(8)], [1, 7n], "of the same generation");
	t.equal((await one.run("5e020000000000ff0000", { dataInBytes: 8 })).data[3]! & 1, 0, "it is not kept");
});

t.test("and is over after a loss of power, which those are told who are there", async (t) => {
	const { device, one, two, moved } = stage();
	const text = await reserved(device, one);
	device.isHandedOver = false;
	await away(device, moved, text);
	t.ok((await attentions(one)).includes(Asc.registrationsPreempted));
	t.notOk((await attentions(two)).includes(Asc.registrationsPreempted));
	const write = await two.run(cdb10(Opcode.write10, 0, 1), { dataOut: Buffer.alloc(SECTOR) });
	t.equal(write.status, ScsiStatus.good);
	device.isHandedOver = true;
	await away(device, moved, device.memo!.text ?? "");
	await attentions(two);
	const { data } = await two.run("5e000000000000010000", { dataInBytes: 256 });
	t.equal(data.readUInt32BE(4), 0, "whoever has it next does not find it");
});

t.test(
	"what is to outlive a loss of power does, and who has RESERVE of SPC-2 is told that it is over",
	async (t) => {
		const { device, one, two, moved } = stage();
		await out(one, 0, 0, 7, 0, 1);
		const { text = "" } = device.memo!;
		device.isHandedOver = false;
		await away(device, moved, text);
		await attentions(one);
		const { data } = await one.run("5e000000000000010000", { dataInBytes: 256 });
		t.equal(data.readBigUInt64BE(8), 7n);
		await out(one, 0, 7, 0, 0, 1);
		await attentions(two);
		t.equal((await two.run("160000000000")).status, ScsiStatus.good);
		device.leave();
		moved();
		t.ok((await attentions(two)).includes(Asc.reset));
	},
);
