// A disk that is taken from its clients while they write, by a change, another export or the end of the daemon: those of iSCSI and NBD are cut off
// or told to ask again, and never that something has failed, which the file system of a mounted disk takes for an error of the disk.

import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { Command, NbdError } from "../../lib/nbd/protocol.js";
import { Asc, ScsiStatus, SenseKey } from "../../lib/scsi/protocol.js";
import { TestClient } from "../nbd/client.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { TEST_UNIT_READY, write10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import type { CommandOptions } from "../support/iscsi/initiator-command.js";
import { LIMIT_MS } from "../support/limit.js";
import { DaemonTree } from "./tree-bench.js";

const TARGET = "iqn.2026-11.org.example:shop";
const NAME = "iqn.1993-08.org.debian:01:abc";
const AT_ONCE = 16;
const BYTES = 4096;
const BLOCK = Buffer.alloc(BYTES, 7);
/** So slow that something is under way whenever it is taken away. */
const SLOW = "limit = { iops = 200 }\n";

/** What a client that writes all the time is answered, but for success. */
interface Writing {
	/** How often it was successful. */
	count(): number;
	/** Resolves when it is cut off, or goes, to what else it was told. */
	readonly end: Promise<readonly string[]>;
	leave(): void;
}

async function byIscsi(): Promise<Writing> {
	const one = new Initiator(connect(3260, "127.0.0.1"));
	t.teardown(() => one.close());
	const { status } = await one.login({ name: NAME, target: TARGET });
	t.equal(status, LoginStatus.success);
	const isReady = async () => (await one.command({ cdb: TEST_UNIT_READY })).status === ScsiStatus.good;
	await until("it is told all", isReady, LIMIT_MS);
	const told: string[] = [];
	let count = 0;
	const again = async (options: CommandOptions, counts: 0 | 1): Promise<void> => {
		while (!one.isOver) {
			const result = await one.start(options).result;
			if (result === null) return;
			if (result.status === ScsiStatus.good) count += counts;
			else told.push(`${result.status} ${result.sense?.key} ${result.sense?.asc.toString(16)}`);
		}
	};
	const write = (at: number) => again({ cdb: write10(8 * at, 8), write: BLOCK, immediate: BYTES }, 1);
	const writes = Array.from({ length: AT_ONCE }, (_, at) => write(at));
	// (Not held up by the limit.)
	const all = Promise.all([...writes, again({ cdb: TEST_UNIT_READY }, 0)]);
	return { count: () => count, end: all.then(() => told), leave: () => one.close() };
}

async function byNbd(): Promise<Writing> {
	const client = new TestClient(connect(10809, "127.0.0.1"));
	t.teardown(() => client.end());
	await client.go("web", false);
	const told: string[] = [];
	let count = 0;
	const all = async (): Promise<readonly string[]> => {
		const ask = (at: bigint) =>
			client.request(Command.write, at, (64 + Number(at)) * BYTES, BYTES, { data: BLOCK });
		const flush = () => client.request(Command.flush, BigInt(AT_ONCE));
		for (let at = 0; at < AT_ONCE; at++) ask(BigInt(at));
		flush();
		for (;;) {
			const answer = await client.simple().catch(() => null);
			if (answer === null) return told;
			const isWrite = answer.cookie < AT_ONCE;
			if (answer.error !== NbdError.none) told.push(`error ${answer.error}`);
			else if (isWrite) count += 1;
			if (isWrite) ask(answer.cookie);
			else flush();
		}
	};
	return { count: () => count, end: all(), leave: () => client.end() };
}

const sense = (key: SenseKey, asc: Asc): string => `${ScsiStatus.checkCondition} ${key} ${asc.toString(16)}`;
/** It is not there yet, or busy, and is to be asked for again; and then it is as after power on, and there are other units. */
const AGAIN = [
	sense(SenseKey.notReady, Asc.becomingReady),
	`${ScsiStatus.busy} undefined undefined`,
	sense(SenseKey.unitAttention, Asc.powerOn),
	sense(SenseKey.unitAttention, Asc.lunsChanged),
];

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const unit = (name: string, lun: number, more = ""): string =>
		`[disk.${name}]\nfile = "${tree.path(`${name}.img`)}"\n${more}[disk.${name}.iscsi]\ntarget = "${TARGET}"\nlun = ${lun}\n`;
	for (const name of ["web", "other"]) tree.file(`${name}.img`);
	const listen = '[iscsi]\nlisten = ["127.0.0.1:3260"]\n[nbd]\nlisten = ["127.0.0.1:10809"]\n';
	const other = unit("other", 1);
	const web = (more: string, nbd = ""): string => `${unit("web", 0, more)}[disk.web.nbd]\n${nbd}\n`;
	const configure = (...parts: readonly string[]): void => tree.configure(listen + parts.join(""));
	configure(web(SLOW), other);
	await tree.start();
	t.teardown(() => tree.stop());

	/** Clients write, it is done, and what they are told is what may be. */
	const taken = async (t: Test, act: (writing: readonly Writing[]) => Promise<unknown>): Promise<void> => {
		const writing = await Promise.all([byIscsi(), byNbd()]);
		await until("all write", () => writing.every((each) => each.count() > AT_ONCE), LIMIT_MS);
		await act(writing);
		const [iscsi, nbd] = await Promise.all(writing.map(({ end }) => end));
		t.same(
			iscsi!.filter((each) => !AGAIN.includes(each)),
			[],
			"nothing has failed, by iSCSI",
		);
		t.same(nbd, [], "nor by NBD");
	};

	const reload = async (): Promise<void> => {
		await tree.reload();
		await tree.nothingUnderWay();
		await tree.state("web", "open");
	};

	await t.test("what has to be closed and opened for a change", async (t) => {
		await taken(t, async ([iscsi]) => {
			configure(web(`${SLOW}durability = "none"\n`), other);
			await reload();
			const before = iscsi!.count();
			await until("it writes again", () => iscsi!.count() > before + AT_ONCE, LIMIT_MS);
			iscsi!.leave();
		});
	});

	await t.test("what is exported otherwise", async (t) => {
		await taken(t, async ([iscsi]) => {
			configure(web(`${SLOW}durability = "none"\n`, 'name = "store"'), other);
			await reload();
			const before = iscsi!.count();
			await until("it writes again", () => iscsi!.count() > before + AT_ONCE, LIMIT_MS);
			iscsi!.leave();
		});
	});

	await t.test("what is the same to its clients, by another name of the disk's", async (t) => {
		configure(web(SLOW), other);
		await reload();
		await taken(t, async ([iscsi]) => {
			configure(web(SLOW).replaceAll("[disk.web", "[disk.shop"), other);
			await tree.reload();
			await tree.nothingUnderWay();
			await tree.state("shop", "open");
			const before = iscsi!.count();
			await until("it writes again", () => iscsi!.count() > before + AT_ONCE, LIMIT_MS);
			const client = new TestClient(connect(10809, "127.0.0.1"));
			await client.go();
			t.ok(client.sizeBytes > 0, "who asks for no name gets it, too");
			client.end();
			iscsi!.leave();
		});
	});

	await t.test("the end of the daemon, once and again", async (t) => {
		for (let round = 0; round < 3; round++) {
			configure(web(SLOW), round === 1 ? "" : other);
			await tree.reload();
			await tree.nothingUnderWay();
			await tree.state("web", "open");
			await taken(t, () => tree.stop());
			await tree.start();
		}
	});
}
