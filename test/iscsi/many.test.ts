// A thousand sessions at once: all are served, each with its own data, and what they cost is bounded.

import t from "tap";
import { MemoryDevice } from "../../lib/block/memory.js";
import { OrderingLayer } from "../../lib/block/ordering.js";
import { TaskFunction } from "../../lib/scsi/protocol.js";
import { until } from "../support/cleanup.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import type { Initiator } from "../support/iscsi/initiator.js";
import { LIMIT_MS } from "../support/limit.js";
import { BLOCK, MIB, ServerUnderTest } from "./server-under-test.js";

const SESSIONS = 1000;
/** What each writes and reads. */
const BLOCKS = 16;
const BYTES = BLOCKS * BLOCK;
const BUDGET = 16 * MIB;
const ROOM = 128 * 1024;
/** That each connection is certain of, whatever others have: one to receive in, which is half as large, and two for data. */
const EACH = 2.5 * ROOM;
/** Reads of each at once. */
const DEPTH = 4;

function patternOf(index: number): Buffer {
	const data = Buffer.alloc(BYTES, index & 0xff);
	data.writeUInt32BE(index);
	return data;
}

async function all<Value>(
	initiators: readonly Initiator[],
	act: (initiator: Initiator, index: number) => Promise<Value>,
): Promise<Value[]> {
	return Promise.all(initiators.map(act));
}

t.test("a thousand sessions", async (t) => {
	const device = new OrderingLayer(new MemoryDevice(64 * MIB));
	const server = new ServerUnderTest(device, { budgetBytes: BUDGET });
	t.teardown(() => server.close());
	const { rooms } = server.server;

	const initiators = await Promise.all(Array.from({ length: SESSIONS }, () => server.session()));
	t.equal([...server.server.sessions.all()].length, SESSIONS);
	t.equal(rooms.takenBytes, 0, "those that have nothing to do take no memory for data");

	const statuses = await all(initiators, async (initiator, index) => {
		const cdb = write10(index * BLOCKS, BLOCKS);
		return (await initiator.command({ cdb, write: patternOf(index), immediate: BYTES })).status;
	});
	t.same([...new Set(statuses)], [0], "all write");

	let most = 0;
	const isRight = await all(initiators, async (initiator, index) => {
		const other = (index + 1) % SESSIONS;
		const reads = Array.from({ length: DEPTH }, () =>
			initiator.command({ cdb: read10(other * BLOCKS, BLOCKS), read: BYTES }),
		);
		const results = await Promise.all(reads);
		most = Math.max(most, rooms.takenBytes);
		return results.every(({ data }) => data.equals(patternOf(other)));
	});
	t.notOk(isRight.includes(false), "each reads what another one has written");
	t.ok(most <= BUDGET + SESSIONS * EACH, `${most} bytes`);

	const large = await all(initiators, async (initiator) => {
		const { data, status } = await initiator.command({ cdb: read10(0, 1024), read: 1024 * BLOCK });
		most = Math.max(most, rooms.takenBytes);
		return status === 0 && data.readUInt32BE(BYTES) === 1;
	});
	t.notOk(large.includes(false), "all read more than there is memory for at once");
	t.ok(most <= BUDGET + SESSIONS * EACH, `${most} bytes`);

	const reset = await initiators[0]?.manage(TaskFunction.logicalUnitReset);
	t.equal(reset, 0);
	const told = await all(initiators, async (initiator) => {
		const { sense } = await initiator.command({ cdb: [0, 0, 0, 0, 0, 0] });
		return sense?.key;
	});
	t.same([...new Set(told)], [6], "all are told that the unit was reset");
	t.same([...new Set(initiators.map(({ trouble }) => trouble))], [null], "all of it is in order");

	await all(initiators.slice(0, SESSIONS / 2), (initiator) => initiator.logout());
	for (const initiator of initiators) initiator.close();
	await until(
		"all are gone",
		() => Promise.resolve([...server.server.sessions.all()].length === 0 && server.disk.underWay === 0),
		LIMIT_MS,
	);
	t.equal(rooms.takenBytes, 0);
	t.equal([...server.server.connections()].length, 0);
	t.ok(server.server.pool.isWhole);
	t.same([...new Set(server.troubles)], ["the initiator has hung up"], "half of them without a word");
	t.equal(server.troubles.length, SESSIONS / 2);
});
