// Whatever comes over a connection, before a login, in the middle of one, and after it: the server goes on, what was taken is given back, and
// others don't notice.

import { setImmediate as nextTurn } from "node:timers/promises";
import t from "tap";
import { Random } from "../../lib/random.js";
import { STEPS_PER_TURN, turn } from "../../lib/turn.js";
import { until } from "../support/cleanup.js";
import { read10, write10 } from "../support/iscsi/cdbs.js";
import type { Initiator } from "../support/iscsi/initiator.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { hostileLogin, hostilePdu, noise } from "./hostile.js";
import { BLOCK, INITIATOR_NAME, ServerUnderTest, TARGET_NAME } from "./server-under-test.js";

const ROUNDS = rounds(150, 4000);
const PDUS = 30;
/** Where whoever means ill hardly ever writes, as he may. */
const FAR = 0x1f000;
const FIRST = { InitiatorName: INITIATOR_NAME, SessionType: "Normal", TargetName: TARGET_NAME };

/** Sends until it is over, or the connection is. */
async function send(hostile: Initiator, next: (sent: number) => Buffer): Promise<void> {
	for (let sent = 0; sent < PDUS && !hostile.isOver; sent++) {
		hostile.wire.raw(next(sent));
		if (sent % 4 === 0) await nextTurn();
	}
}

/** One that means no ill has what it wrote, and all is given back. */
async function goesOn(server: ServerUnderTest, honest: Initiator, round: number): Promise<void> {
	const lba = FAR + (round % 64);
	const write = noise(new Random(round + 1), 8 * BLOCK);
	const written = await honest.command({ cdb: write10(lba, 8), write, immediate: 8 * BLOCK });
	const { data } = await honest.command({ cdb: read10(lba, 8), read: 8 * BLOCK });
	if (written.status !== 0 || !data.equals(write))
		throw new Error(`round ${round}: another one does not get its data`);
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
		await send(hostile, (sent) => (isNoise ? noise(random, 100) : hostileLogin(random, FIRST, sent === 0)));
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
	for (let round = 0; round < ROUNDS; round++) {
		const digest = random.chance(0.2) ? "CRC32C" : "None";
		const immediate = random.chance(0.5) ? "Yes" : "No";
		const hostile = await server.session({
			HeaderDigest: digest,
			ImmediateData: immediate,
			InitialR2T: "No",
		});
		await send(hostile, (sent) => hostilePdu(random, hostile.cmdSN + sent));
		hostile.close();
		await goesOn(server, honest, round);
	}
	t.equal(honest.trouble, null);
	t.ok(server.troubles.length > ROUNDS / 10, `cut off: ${server.troubles.length}`);
	t.ok(turn.most <= Math.max(most, 2 * STEPS_PER_TURN), "and no turn was long");
});
