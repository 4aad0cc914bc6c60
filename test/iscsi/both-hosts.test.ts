// A pool that both hosts serve, reached by both: whichever is asked reserves, compares and writes, and lets through who may, since the pool comes to it for that.

import { connect } from "node:net";
import t from "tap";
import { ScsiStatus } from "../../lib/scsi/protocol.js";
import { Host, layBridge, startBoth, startServices } from "../daemon/store-hosts.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { read10, TEST_UNIT_READY, write10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import { keys, out } from "../support/iscsi/reserving.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";

const TARGET = "iqn.2026-11.org.example:web";
const NAME = "iqn.1993-08.org.debian:01:abc";
const OTHER = "iqn.1993-08.org.debian:01:def";
const STRANGER = "iqn.1993-08.org.debian:01:fed";
const [FIRST, SECOND] = ["127.0.0.1", "127.0.0.2"];
const AGAIN_MS = 20;
/** Write exclusive, registrants only: what clusters use. */
const REGISTRANTS = 5;
const BLOCK_BYTES = 512;
/** Initiators that are preempted while they write, one after the other. */
const FENCES = rounds(3, 40);
const WRITES_AT_ONCE = 8;
const LANDS_MS = 500;

t.setTimeout(4 * LIMIT_MS);

/** With nothing left to be told of. */
async function loggedIn(host: string, name: string): Promise<Initiator> {
	const one = new Initiator(connect(3260, host));
	t.teardown(() => one.close());
	await one.login({ name, target: TARGET });
	await ready(one);
	return one;
}

async function ready(one: Initiator): Promise<void> {
	const isReady = async () => (await one.command({ cdb: TEST_UNIT_READY })).status === ScsiStatus.good;
	await until("it is told all", isReady, LIMIT_MS);
}

/** What initiators are told when they are to ask again: it is busy; there is something to be told first; it has moved, and who may is not known by what was before. */
const AGAIN: readonly number[] = [ScsiStatus.busy, ScsiStatus.checkCondition, ScsiStatus.taskAborted];

/** As initiators do. Resolves to the status that is left. */
async function asked(act: () => Promise<number>): Promise<number> {
	let status: number = ScsiStatus.busy;
	const isDone = async (): Promise<boolean> => {
		status = await act();
		if (status === ScsiStatus.busy) await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
		return !AGAIN.includes(status);
	};
	await until("it is done", isDone, LIMIT_MS);
	return status;
}

const write = (one: Initiator, fill: number) => async (): Promise<number> =>
	(await one.command({ cdb: write10(8, 1), write: Buffer.alloc(BLOCK_BYTES, fill), immediate: BLOCK_BYTES }))
		.status;

/** What is in the same block: a negative number. */
const read = (one: Initiator) => async (): Promise<number> => {
	const { status, data } = await one.command({ cdb: read10(8, 1), read: BLOCK_BYTES });
	return status === ScsiStatus.good ? -1 - data[0]! : status;
};

/** COMPARE AND WRITE of the same block. */
function compareAndWrite(one: Initiator, before: number, after: number): () => Promise<number> {
	const cdb = Buffer.alloc(16);
	cdb[0] = 0x89;
	cdb.writeUInt32BE(8, 6);
	cdb[13] = 1;
	const both = Buffer.concat([Buffer.alloc(BLOCK_BYTES, before), Buffer.alloc(BLOCK_BYTES, after)]);
	return async () => (await one.command({ cdb, write: both, immediate: both.length })).status;
}

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2"]);
	const services = await startServices(t);
	const host = (netif: string, address: string, partner: string): Host =>
		new Host(netif, services, {
			...{ stable: "store", partner, hostname: netif, iscsi: { address: `${address}:3260`, target: TARGET } },
		});
	const [one, two] = [host("host1", FIRST, "127.0.0.1:9473"), host("host2", SECOND, "127.0.0.1:9474")];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	await startBoth(one, two, "open");
	const isOwner = async ({ tree }: Host): Promise<boolean> => {
		const { body } = await tree.ask("GET", "/api/v1/pools");
		return (body.pools as unknown as { owner?: unknown; reason: string | null }[])[0]?.reason === null;
	};
	const here = await loggedIn(FIRST, NAME);
	const there = await loggedIn(SECOND, OTHER);

	t.test("both register, each by its own host: the pool comes, and what is registered with it", async (t) => {
		t.ok(await isOwner(one));
		t.equal(await asked(() => out(here, 0, 0, [0, 7])), ScsiStatus.good);
		t.equal(await asked(() => out(there, 0, 0, [0, 9])), ScsiStatus.good);
		t.ok(await isOwner(two), "it has come to who was asked");
		await ready(there);
		t.same(await keys(there, 0), [7, 9]);
		t.equal(await asked(() => out(there, 0, 1, [9, 0], 0, REGISTRANTS)), ScsiStatus.good);
	});

	t.test("who is registered writes by either host, and nobody else does", async (t) => {
		t.equal(await asked(write(there, 1)), ScsiStatus.good);
		t.equal(await asked(write(here, 2)), ScsiStatus.good);
		t.ok(await isOwner(one), "where it is known who is registered");
		const stranger = await loggedIn(SECOND, STRANGER);
		t.equal(await asked(write(stranger, 3)), ScsiStatus.reservationConflict);
		t.ok(await isOwner(two));
		stranger.close();
	});

	t.test("who is preempted by way of one host writes nothing more by way of the other", async (t) => {
		for (let round = 0; round < FENCES; round++) {
			const victim = await loggedIn(FIRST, `${STRANGER}${round}`);
			t.equal(await asked(() => out(victim, 0, 0, [0, 100 + round])), ScsiStatus.good);
			let isCut = false;
			const writing = Array.from({ length: WRITES_AT_ONCE }, async () => {
				for (let fill = round; !isCut; fill++) {
					const status = await write(victim, fill % 256)();
					if (status === ScsiStatus.reservationConflict) return;
				}
			});
			await ready(there);
			const preempting = (): Promise<number> => out(there, 0, 5, [9, 100 + round], 0, REGISTRANTS);
			t.equal(await asked(preempting), ScsiStatus.good);
			const after = await asked(read(there));
			await new Promise((resolve) => setTimeout(resolve, LANDS_MS));
			t.equal(await asked(read(there)), after, "nothing lands any more");
			await Promise.all(writing);
			isCut = true;
			victim.close();
		}
		t.equal(await asked(write(here, 2)), ScsiStatus.good, "all others go on");
	});

	t.test("what compares and writes is done by either", async (t) => {
		t.equal(await asked(compareAndWrite(here, 2, 4)), ScsiStatus.good);
		t.equal(await asked(compareAndWrite(there, 4, 5)), ScsiStatus.good);
	});

	t.test("also when nobody has asked for long", async (t) => {
		await new Promise((resolve) => setTimeout(resolve, rounds(1_000, 65_000)));
		await ready(here);
		const [asker, owner] = (await isOwner(one)) ? [there, two] : [here, one];
		t.equal(await asked(() => out(asker, 0, 0, asker === here ? [7, 8] : [9, 8])), ScsiStatus.good);
		t.ok(await isOwner(owner));
	});

	t.test(
		"the owner is gone with all its power: who was registered without having that kept is not any more",
		async (t) => {
			const [lost, host, initiator] = (await isOwner(one)) ? [one, two, there] : [two, one, here];
			await lost.kill();
			await until("the other one has it", () => isOwner(host), LIMIT_MS);
			await ready(initiator);
			t.same(await keys(initiator, 0), []);
			t.equal(await asked(write(initiator, 6)), ScsiStatus.good);
		},
	);
}
