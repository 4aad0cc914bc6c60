// Whatever comes over a connection, before a login, in the middle of one, and after it: the server goes on, what was taken is given back, and
// others don't notice.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { isImmediate, Opcode } from "../../lib/iscsi/pdu.js";
import { Random } from "../../lib/random.js";
import { STEPS_PER_TURN, turn } from "../../lib/turn.js";
import { until } from "../support/cleanup.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import type { Initiator } from "../support/iscsi/initiator.js";
import type { CommandOptions, CommandResult } from "../support/iscsi/initiator-command.js";
import { opcode, viewOf } from "../support/iscsi/pdus.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { hostileLogin, hostilePdu, noise } from "./hostile.js";
import { BLOCK, INITIATOR_NAME, ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

const ROUNDS = rounds(150, 4000);
const PDUS = 30;
/** Where whoever means ill hardly ever writes, as he may. */
const FAR = 0x1f000;
/** Those that CmdSN counts. */
const NUMBERED: readonly number[] = [
	Opcode.nopOut,
	Opcode.command,
	Opcode.management,
	Opcode.text,
	Opcode.logout,
];
const UNIT_ATTENTION = 6;
const FIRST = { InitiatorName: INITIATOR_NAME, SessionType: "Normal", TargetName: TARGET_NAME };

/** Sends until it is over, or the connection is. */
async function send(hostile: Initiator, next: (sent: number) => void): Promise<void> {
	for (let sent = 0; sent < PDUS && !hostile.isOver; sent++) {
		next(sent);
		if (sent % 4 === 0) await nextTurn();
	}
}

/** Until it is done: resets of the unit, which anybody may do, it is told of first. */
async function certain(honest: Initiator, options: CommandOptions): Promise<CommandResult> {
	for (let left = 8; ; left--) {
		const result = await honest.command(options);
		if (result.status === 0) return result;
		if (result.sense?.key !== UNIT_ATTENTION || left === 0) throw new Error(`status ${result.status}`);
	}
}

/** One that means no ill has what it wrote, and all is given back. */
async function goesOn(server: ServerUnderTest, honest: Initiator, round: number): Promise<void> {
	const lba = FAR + (round % 64);
	const write = noise(new Random(round + 1), 8 * BLOCK);
	await certain(honest, { cdb: write10(lba, 8), write, immediate: 8 * BLOCK });
	const { data } = await certain(honest, { cdb: read10(lba, 8), read: 8 * BLOCK });
	if (!data.equals(write)) throw new Error(`round ${round}: another one does not get its data`);
	await until(
		"all rooms are given back",
		async () => Promise.resolve(server.server.rooms.takenBytes === 0),
		LIMIT_MS,
	);
}

t.test("before and in the middle of a login", async (t) => {
	const server = new ServerUnderTest();
	t.teardown(() => server.close());
	const honest = await server.session({}, "00023dffffff");
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	for (let round = 0; round < ROUNDS; round++) {
		const hostile = server.connect();
		const isNoise = random.chance(0.1);
		await send(hostile, (sent) =>
			hostile.wire.raw(isNoise ? noise(random, 100) : hostileLogin(random, FIRST, sent === 0)),
		);
		hostile.close();
		await goesOn(server, honest, round);
	}
	t.equal(honest.trouble, null);
	t.ok(server.refused.length > ROUNDS / 10, `refused: ${server.refused.length}`);
	t.ok(
		server.refused.every(({ why }) => why !== ""),
		"each with a reason",
	);
});

t.test("after a login", async (t) => {
	const server = new ServerUnderTest();
	t.teardown(() => server.close());
	const honest = await server.session({}, "00023dffffff");
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	const most = turn.most;
	let sent = 0;
	for (let round = 0; round < ROUNDS; round++) {
		const either = (one: string, other: string): string => (random.chance(0.5) ? one : other);
		const hostile = await server.session({
			ImmediateData: either("Yes", "No"),
			InitialR2T: either("Yes", "No"),
			HeaderDigest: either("CRC32C", "None"),
			DataDigest: either("CRC32C", "None"),
		});
		let { cmdSN } = hostile;
		await send(hostile, () => {
			const damage = random.chance(0.02) ? { header: random.chance(0.5), data: true } : {};
			const out = hostilePdu(random, cmdSN);
			hostile.send(out, damage);
			// (With numbers that are right it gets further.)
			if (NUMBERED.includes(opcode(out)) && !isImmediate(viewOf(out.head), 0)) cmdSN += 1;
			sent += 1;
		});
		hostile.close();
		await goesOn(server, honest, round);
	}
	t.equal(honest.trouble, null);
	t.ok(server.troubles.length > ROUNDS / 10, `cut off: ${server.troubles.length}`);
	t.ok(sent > 3 * ROUNDS, `after ${sent} PDUs`);
	t.ok(turn.most <= Math.max(most, 2 * STEPS_PER_TURN), "and no turn was long");
});
