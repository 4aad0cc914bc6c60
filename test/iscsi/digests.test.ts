// Digests that are wrong (RFC 7143, 7.8 and 7.9): a header's ends the connection, data's is rejected, the command ends with that sense, and
// nothing of it is written; nor of data that came before in the same piece. So does a command whose data is numbered as if some was lost.

import t, { type Test } from "tap";
import { Field, Flag, NO_TAG, Opcode, RejectReason } from "../../lib/iscsi/pdu.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import type { CommandOptions } from "../support/iscsi/initiator-command.js";
import { opcode, pdu } from "../support/iscsi/pdus.js";
import { BLOCK, ServerUnderTest } from "./server-under-test.js";

const KEYS = {
	HeaderDigest: "CRC32C",
	DataDigest: "CRC32C",
	InitialR2T: "No",
	FirstBurstLength: "65536",
	MaxOutstandingR2T: "4",
};

async function begun(t: Test) {
	const server = new ServerUnderTest();
	t.teardown(() => server.close());
	return { server, initiator: await server.session(KEYS) };
}

const isBroken = { data: true };

t.test("a header's ends the connection, and what it says is not done", async (t) => {
	const { server, initiator } = await begun(t);
	const write = Buffer.alloc(BLOCK, 1);
	const { result } = initiator.start({
		cdb: write10(0, 1),
		write,
		immediate: BLOCK,
		damage: { header: true },
	});
	t.equal(await result, null);
	await initiator.over;
	t.match(server.troubles, [/a header is broken/]);
	t.equal(server.disk.stats.writes, 0);
});

const cases: [name: string, blocks: number, how: Partial<CommandOptions>][] = [
	["with the command", 16, { immediate: 16 * BLOCK, damage: isBroken }],
	["with the command, and more follows", 256, { immediate: 8192, unsolicited: 32_768, damage: isBroken }],
	["without being asked for", 64, { unsolicited: 64 * BLOCK, dataDamage: (i) => (i === 1 ? isBroken : {}) }],
	["asked for", 64, { dataDamage: (i) => (i === 2 ? isBroken : {}) }],
	["asked for, the last", 64, { dataDamage: (i) => (i === 3 ? isBroken : {}) }],
	["in the second piece", 512, { dataDamage: (i) => (i === 17 ? isBroken : {}) }],
];

for (const [name, blocks, how] of cases)
	t.test(`data ${name}`, async (t) => {
		const { server, initiator } = await begun(t);
		const write = Buffer.alloc(blocks * BLOCK, 7);
		const { itt, result } = initiator.start({ cdb: write10(0, blocks), write, ...how });
		const rejected = await result;
		t.equal(rejected?.rejected, RejectReason.dataDigest);
		t.equal(rejected?.last.data.readUInt32BE(16), itt, "the header is given back");
		// (The initiator has taken the rejection for the end; the status comes all the same.)
		const end = await initiator.events.next();
		t.equal(opcode(end!), Opcode.response);
		t.equal(end?.head.readUInt32BE(16), itt);
		t.equal(end?.data[4], 0xb, "aborted command");
		t.equal(end?.data.readUInt16BE(14), 0x4705, "protocol service CRC error");
		const { data } = await initiator.command({ cdb: read10(0, blocks), read: blocks * BLOCK });
		const written = blocks > 256 ? 256 * BLOCK : 0;
		t.ok(
			data.subarray(written).every((byte) => byte === 0),
			"nothing of the piece that was broken is written",
		);
		t.equal(
			(await initiator.command({ cdb: write10(0, blocks), write })).status,
			0,
			"and it can be tried again",
		);
		t.equal(server.disk.underWay, 0);
		t.equal(server.server.rooms.takenBytes, 0);
		t.equal(initiator.trouble, null);
	});

for (const [name, numbers] of [
	["always the same", () => 0],
	["not the first", (sn: number) => sn + 27],
	["in another order", (sn: number) => sn ^ 1],
	["one left out", (sn: number) => (sn > 1 ? sn + 1 : sn)],
] as const)
	for (const [how, options] of [
		["asked for", {}],
		["not asked for", { unsolicited: 64 * BLOCK }],
	] as const)
		t.test(`data ${how} whose numbers say that some was lost: ${name}`, async (t) => {
			const { server, initiator } = await begun(t);
			const write = Buffer.alloc(64 * BLOCK, 7);
			const changeData = (head: Buffer): void => {
				head.writeUInt32BE(numbers(head.readUInt32BE(Field.dataSN)), Field.dataSN);
			};
			const ended = await initiator.command({ cdb: write10(0, 64), write, changeData, ...options });
			t.match(ended, { status: 2, rejected: null, sense: { key: 0xb, asc: 0x4705 } });
			const { data } = await initiator.command({ cdb: read10(0, 64), read: 64 * BLOCK });
			t.ok(data.every((byte) => byte === 0));
			t.equal(
				(await initiator.command({ cdb: write10(0, 64), write })).status,
				0,
				"and it can be tried again",
			);
			t.equal(server.server.rooms.takenBytes, 0);
			t.equal(initiator.trouble, null);
		});

t.test("data of a ping, and of a text", async (t) => {
	const { initiator, server } = await begun(t);
	for (const code of [Opcode.nopOut, Opcode.text]) {
		const out = pdu(code | 0x40, Flag.final, Buffer.from("SendTargets=\0"), (head) => {
			head.writeUInt32BE(7, Field.itt);
			head.writeUInt32BE(NO_TAG, Field.ttt);
			head.writeUInt32BE(initiator.cmdSN, Field.cmdSN);
		});
		initiator.send(out, isBroken);
		const rejected = await initiator.events.next();
		t.equal(rejected?.head.readUInt8(2), RejectReason.dataDigest);
	}
	t.equal((await initiator.ping())?.toString(), "ping");
	t.equal(server.server.rooms.takenBytes, 0);
});
