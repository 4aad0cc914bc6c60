// PERSISTENT RESERVE IN and OUT as bytes, held against the tables of SPC-4, 6.15 and 6.16, and 7.6.4.6 for the names of initiators.

import t from "tap";
import { Asc, ScsiStatus } from "../../lib/scsi/protocol.js";
import { idOf, lengthBefore, out, read, status, three } from "./reserving.js";
import { type Answer, cdb10, type TestHost } from "./support.js";

const { good, reservationConflict } = ScsiStatus;

t.test("what PERSISTENT RESERVE IN tells", async (t) => {
	const { a, b } = three();
	t.equal((await read(a, 0)).toString("hex"), "0000000000000000");
	t.equal((await read(a, 1)).toString("hex"), "0000000000000000");
	t.equal((await read(a, 2)).toString("hex"), "00081c80ea010000", "nothing can be kept");
	t.equal(await status(a, 0, { actionKey: 0x11 }), good);
	t.equal(await status(b, 6, { actionKey: 0x22 }), good);
	t.equal((await read(b, 0)).toString("hex"), "000000020000001000000000000000110000000000000022");
	t.equal((await read(b, 0, 12)).length, 12, "as much as is allocated");
	t.equal(await status(a, 1, { key: 0x11, type: 5 }), good);
	t.equal((await read(b, 1)).toString("hex"), "000000020000001000000000000000110000000000050000");
	const full = await read(b, 3);
	const [one, two] = [idOf(a), idOf(b)];
	const descriptor = (key: string, holder: string, id: Buffer) =>
		`00000000000000${key}00000000${holder}00000001${id.length.toString(16).padStart(8, "0")}${id.toString("hex")}`;
	t.equal(full.toString("hex", 8), descriptor("11", "01050000", one) + descriptor("22", "00000000", two));
	t.equal(full.readUInt32BE(4), full.length - 8);
	t.equal(await status(a, 2, { key: 0x11, type: 5 }), good);
	t.equal(await status(a, 1, { key: 0x11, type: 8 }), good);
	t.equal((await read(a, 1)).toString("hex", 8), "00000000000000000000000000080000", "it is everybody's");
	const unknown = await a.run("5e 04 00 00 00 00 00 00 ff 00", { dataInBytes: 255 });
	t.match(unknown.sense, { asc: Asc.invalidField, field: { byte: 1 } });
});

t.test("lists of PERSISTENT RESERVE OUT that make no sense", async (t) => {
	const { a, b } = three();
	const asc = async (answer: Promise<Answer>) => (await answer).sense?.asc;
	t.equal(await asc(a.run("5f 00 00 00 00 00 00 00 10 00", { dataOut: Buffer.alloc(16) })), Asc.listLength);
	t.equal(await asc(a.run("5f 00 00 00 00 00 00 00 18 00", { dataOut: Buffer.alloc(16) })), Asc.listLength);
	t.equal(await asc(out(a, 0, { actionKey: 1, rest: Buffer.alloc(4) })), Asc.listLength);
	t.match((await out(a, 0, { actionKey: 1, flags: 1 })).sense, {
		asc: Asc.invalidParameter,
		field: { byte: 20 },
	});
	const ids = lengthBefore([idOf(b)]);
	t.equal(await asc(out(a, 6, { actionKey: 1, flags: 8, rest: ids })), Asc.invalidParameter);
	t.equal(await asc(out(a, 0, { actionKey: 1, flags: 8 })), Asc.listLength);
	t.equal(await asc(out(a, 0, { actionKey: 1, flags: 8, rest: ids.subarray(0, -4) })), Asc.listLength);
	const damaged: [number, number][] = [
		[4, 0x46],
		[4, 0x85],
		[7, 0xff],
		[7, 0x11],
		[8, 0],
		[4, 0x05],
	];
	for (const [at, byte] of damaged) {
		const wrong = Buffer.from(ids);
		wrong[at] = byte;
		t.equal(
			await asc(out(a, 0, { actionKey: 1, flags: 8, rest: wrong })),
			Asc.invalidParameter,
			`${at} ${byte}`,
		);
	}
	t.equal(await asc(out(a, 8)), Asc.invalidField);
	t.equal((await read(a, 0)).length, 8, "nobody is registered");
});

t.test("registering others by their names, of ports and of devices", async (t) => {
	const { under, a, b, c } = three();
	t.equal(await status(a, 0, { actionKey: 7, flags: 8, rest: lengthBefore([idOf(b), idOf(c)]) }), good);
	t.equal((await read(a, 0)).readUInt32BE(4), 24);
	t.equal(await status(b, 1, { key: 7, type: 3 }), good);
	t.equal(await status(b, 3, { key: 7 }), good);
	await a.run("00 00 00 00 00 00");
	const device = Buffer.alloc(4 + 36);
	device.set([0x05, 0, 0, 36]);
	device.write(b.nexus.initiator.device, 4);
	t.equal(await status(a, 0, { actionKey: 7, flags: 8, rest: lengthBefore([device]) }), good);
	t.same([...under.unit.reservations.persistent.registrations.keys()], [a.nexus.key, b.nexus.key]);
	t.equal(await status(a, 3, { key: 7 }), good);
	const port = under.target.portGroups[0]!.ports[0]!;
	const second = { name: `${port.name.slice(0, -1)}2`, relative: 2 };
	under.target.portGroups = [{ id: 1, ports: [port, second] }];
	await b.run("00 00 00 00 00 00");
	t.equal(await status(b, 0, { actionKey: 9, flags: 4 }), good);
	const ports = [...under.unit.reservations.persistent.registrations.values()];
	t.same(
		ports.map(({ relativePort }) => relativePort),
		[1, 2],
		"by all ports of the target",
	);
});

t.test("moving it to another", async (t) => {
	const { under, a, b } = three();
	const move = (host: TestHost, key: number, flags: number, id: Buffer, relative = 1) => {
		const dataOut = Buffer.concat([Buffer.alloc(24), id]);
		dataOut.writeBigUInt64BE(BigInt(key), 0);
		dataOut.writeBigUInt64BE(0x99n, 8);
		dataOut[17] = flags;
		dataOut.writeUInt16BE(relative, 18);
		dataOut.writeUInt32BE(id.length, 20);
		return host.run(Buffer.from([0x5f, 7, 0, 0, 0, 0, 0, 0, dataOut.length, 0]), { dataOut });
	};
	await out(a, 0, { actionKey: 1 });
	await out(a, 1, { key: 1, type: 3 });
	t.match((await move(a, 1, 0, idOf(b), 2)).sense, { asc: Asc.invalidParameter, field: { byte: 18 } });
	t.match((await move(a, 1, 0, Buffer.alloc(24))).sense, { asc: Asc.invalidParameter, field: { byte: 24 } });
	t.equal((await move(a, 1, 2, idOf(b))).status, good);
	const { registrations, reservation } = under.unit.reservations.persistent;
	t.same([...registrations.keys()], [b.nexus.key]);
	t.same(reservation, { type: 3, holder: b.nexus.key });
	t.equal((await a.run(cdb10(0x28, 0, 1), { dataInBytes: 512 })).status, reservationConflict);
	t.equal((await b.run(cdb10(0x28, 0, 1), { dataInBytes: 512 })).status, good);
});
