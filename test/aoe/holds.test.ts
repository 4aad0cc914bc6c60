// A disk that is reserved by one protocol, asked by another: AoE and NBD, of what AoE or SCSI have reserved. (What SCSI does is in test/scsi/.)

import t from "tap";
import { PromisedRequest } from "../../lib/block/device.js";
import { BlockOp } from "../../lib/block/request.js";
import { Hold } from "../../lib/holds.js";
import { PIECE_BYTES } from "../../lib/nbd/command.js";
import { Command, NbdError } from "../../lib/nbd/protocol.js";
import { heapMemory } from "../../lib/wire/memory.js";
import { ServerUnderTest } from "../nbd/client.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Bench, frame, makeBlade } from "../support/target-bench.js";

const T = "020000000001";
const A = "0200000000aa";
const B = "0200000000bb";
const RESERVED = 6;

/** Error of AoE's answer to an ATA command for the first sector; 0: none. */
function ata(bench: Bench, command: string, from = A): number {
	const flags = command === "34" ? "41" : "40";
	const data = command === "34" ? "00".repeat(512) : "";
	const [reply] = bench.ask(
		frame(`${T} ${from} 88a2 10 00 0009 00 00 0000000d ${flags} 00 01 ${command} 000000000000 0000 ${data}`),
	);
	return (reply![14]! & 0x04) > 0 ? reply![15]! : 0;
}

function reserve(bench: Bench, command: string, macs: readonly string[], from = A): number {
	const count = macs.length.toString(16).padStart(2, "0");
	const text = `${T} ${from} 88a2 10 00 0009 00 03 0000000d ${command} ${count} ${macs.join(" ")}`;
	const [reply] = bench.ask(frame(text));
	return (reply![14]! & 0x04) > 0 ? reply![15]! : 0;
}

t.test("what SCSI has reserved, AoE heeds", (t) => {
	const bench = new Bench();
	const { disk, access } = bench.add(makeBlade(9, 0));
	const keeper = {};
	disk.holds.set(keeper, "scsi", Hold.writing);
	t.equal(ata(bench, "24"), 0, "reads");
	t.equal(ata(bench, "34"), RESERVED, "no writes");
	disk.holds.set(keeper, "scsi", Hold.all);
	t.equal(ata(bench, "24"), RESERVED, "no reads");
	t.equal(ata(bench, "34"), RESERVED);
	t.equal(ata(bench, "ec"), 0, "what it is");
	t.equal(disk.stats.causes.access, 3);
	t.equal(reserve(bench, "01", [A]), RESERVED, "it can't be reserved twice");
	t.equal(reserve(bench, "02", [A]), RESERVED, "by force neither");
	t.equal(access.reserved.size, 0);
	disk.holds.set(keeper, "scsi", Hold.none);
	t.equal(ata(bench, "34"), 0);
	t.equal(disk.holds.isAny, false);
	t.end();
});

t.test("what AoE has reserved, the others see", (t) => {
	const bench = new Bench();
	const blade = bench.add(makeBlade(9, 0));
	const { holds } = blade.disk;
	t.equal(reserve(bench, "01", [A]), 0);
	t.equal(holds.against("scsi"), Hold.all);
	t.equal(holds.against(), Hold.all);
	t.equal(holds.against("aoe"), Hold.none);
	t.equal(ata(bench, "34"), 0);
	t.equal(ata(bench, "34", B), RESERVED);
	const other = makeBlade(9, 1);
	other.access.reserved = new Set([1]);
	t.equal(other.disk.holds.isAny, true, "of its own disk");
	t.equal(reserve(bench, "01", []), 0);
	t.equal(holds.isAny, false);
	reserve(bench, "01", [A]);
	blade.access.end();
	t.equal(holds.isAny, false, "until it is not served any more");
	t.end();
});

t.test("what others have reserved, NBD heeds", async (t) => {
	const under = new ServerUnderTest();
	t.teardown(() => under.close());
	const client = under.connect();
	await client.go("web", false);
	const { holds, stats } = under.disk;
	const keeper = {};
	const read = async () => {
		client.request(Command.read, 1n, 0, 512);
		const { error } = await client.simple();
		if (error === NbdError.none) await client.take(512);
		return error;
	};
	const ask = async (command: number) => {
		client.request(command, 2n, 0, command === Command.flush ? 0 : 4096);
		return (await client.simple()).error;
	};
	for (const holder of ["aoe", "scsi"] as const) {
		holds.set(keeper, holder, Hold.writing);
		t.equal(await read(), NbdError.none);
		t.equal(await client.write(0, Buffer.alloc(512, 1)), NbdError.EPERM);
		t.equal(await ask(Command.writeZeroes), NbdError.EPERM);
		t.equal(await ask(Command.trim), NbdError.EPERM);
		holds.set(keeper, holder, Hold.all);
		t.equal(await read(), NbdError.EPERM);
		t.equal(await ask(Command.flush), NbdError.none);
	}
	t.equal(stats.causes.access, 8);
	holds.set(keeper, "scsi", Hold.none);
	t.equal(await client.write(0, Buffer.alloc(512, 1)), NbdError.none);
	t.equal(await read(), NbdError.none);
});

t.test("what NBD has begun to change goes no further when it is reserved", async (t) => {
	const under = new ServerUnderTest();
	t.teardown(() => under.close());
	const client = under.connect();
	await client.go("web", false);
	const { holds, device } = under.disk;
	const piece = Buffer.alloc(PIECE_BYTES, 5);
	client.request(Command.write, 3n, 0, 3 * PIECE_BYTES);
	client.send(piece);
	const first = async (offsetBytes: number) => {
		const memory = heapMemory(512);
		const asked = new PromisedRequest();
		Object.assign(asked.request, { op: BlockOp.read, offsetBytes, lengthBytes: 512, memory });
		await asked.run(device);
		return memory.bytes[0];
	};
	await until("its first bytes are there", async () => (await first(PIECE_BYTES - 512)) === 5, LIMIT_MS);
	holds.set({}, "scsi", Hold.writing);
	client.send(piece, piece);
	t.equal((await client.simple()).error, NbdError.EPERM);
	t.same([await first(0), await first(PIECE_BYTES), await first(2 * PIECE_BYTES)], [5, 0, 0]);
	client.request(Command.read, 4n, PIECE_BYTES, 512);
	t.equal((await client.simple()).error, NbdError.none, "and the connection goes on");
	t.equal((await client.take(512))[0], 0);
	client.end();
});
