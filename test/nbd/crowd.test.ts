// A daemon and a thousand clients of NBD at once, of which many don't read, many stop in the middle of a write, and many in the middle of the
// handshake: its worker's memory is bounded, others are served, and when they have gone nothing of them is left. Long runs do it again, so that what is kept of the first time would be found.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { Command, NbdError, Option } from "../../lib/nbd/protocol.js";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { MIB, nameQuery, TestClient } from "./client.js";

const PORT = 10809;
const OF_EACH_KIND = 330;
/** Who has many gets no more when few are left. */
const OF_ADDRESS = 55;
/** What the server has for data under way, and for each client two pieces of it. */
const ROOMS_BYTES = 64 * MIB + 3 * OF_EACH_KIND * 2 * 128 * 1024;
/** And for all else that a thousand clients are. */
const REST_BYTES = 96 * MIB;
const AT_ONCE = 55;

type Kind = (client: TestClient, index: number) => Promise<void>;

/** Asks for 64 MiB and reads none of it. */
const slow: Kind = async (client) => {
	await client.go("web");
	client.pause();
	for (let i = 0; i < 16; i++) client.request(Command.read, BigInt(i), i * MIB, 4 * MIB);
};

/** Says what it will write, and sends a part of that. */
const stopped: Kind = async (client, index) => {
	await client.go("web");
	const data = Buffer.alloc((index * 2048) % MIB, 7);
	client.request(Command.write, 1n, 32 * MIB, MIB, { data });
};

/** Says a part of what a handshake is. */
const undecided: Kind = async (client, index) => {
	if (index % 4 === 0) return;
	await client.greet();
	if (index % 4 === 1) client.option(Option.go, nameQuery("web").subarray(0, 3), 9);
	if (index % 4 === 2) client.option(Option.list);
};

const KINDS: readonly Kind[] = [slow, stopped, undecided];

/** A thousand of them, from eighteen addresses. */
async function crowd(): Promise<TestClient[]> {
	const all: TestClient[] = [];
	for (const [kind, come] of KINDS.entries())
		for (let index = 0; index < OF_EACH_KIND; index += AT_ONCE)
			await Promise.all(
				Array.from({ length: AT_ONCE }, async (_, i) => {
					const localAddress = `127.0.${1 + kind}.${1 + Math.floor((index + i) / OF_ADDRESS)}`;
					const client = new TestClient(connect({ host: "127.0.0.1", port: PORT, localAddress }));
					all.push(client);
					await come(client, index + i);
				}),
			);
	return all;
}

function held(pid: number): { readonly bytes: number; readonly descriptors: number } {
	const [, kib = "0"] = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
	return { bytes: Number(kib) * 1024, descriptors: readdirSync(`/proc/${pid}/fd`).length };
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const file = tree.file("web.img", 80 * MIB);
	tree.configure(`[nbd]\nlisten = ["127.0.0.1:${PORT}"]\n[disk.web]\nfile = "${file}"\n[disk.web.nbd]\n`);
	await tree.start();
	t.teardown(() => tree.stop());
	await tree.state("web", "open");
	const worker = await tree.pidOf("worker");
	const good = new TestClient(connect({ host: "127.0.0.1", port: PORT, localAddress: "127.0.9.1" }));
	await good.go("web");
	for (let i = 0; i < 32; i++) await good.write(i * MIB, Buffer.alloc(MIB, 1 + i));

	const isServed = async (t: Test, from: string): Promise<void> => {
		for (let i = 0; i < 8; i++) {
			t.equal(await good.write((64 + i) * MIB, Buffer.alloc(MIB, 1 + i)), NbdError.none);
			good.request(Command.read, 5n, (64 + i) * MIB, 4096);
			const data = (await good.chunks()).flatMap((chunk) => [...chunk.data.subarray(8)]);
			t.ok(data.every((byte) => byte === 1 + i));
		}
		const late = new TestClient(connect({ host: "127.0.0.1", port: PORT, localAddress: from }));
		await late.go("web");
		t.equal(await late.write(72 * MIB, Buffer.alloc(4096, 3)), NbdError.none, "one that comes later");
		late.end();
	};
	const clients = async (): Promise<number> =>
		Number(JSON.parse(JSON.stringify((await tree.ask("GET", "/api/v1/status")).body)).counts.nbdClients);
	const before = held(worker);

	for (let round = 1; round <= rounds(1, 3); round++)
		t.test(`a thousand, time ${round}`, { timeout: 4 * LIMIT_MS }, async (t) => {
			const all = await crowd();
			await isServed(t, "127.0.9.2");
			const areTold = async (): Promise<boolean> => (await clients()) === 1 + 2 * OF_EACH_KIND;
			await until("those who have a disk are told of, and no others", areTold, LIMIT_MS);
			const now = held(worker);
			t.ok(now.bytes - before.bytes <= ROOMS_BYTES + REST_BYTES, `${(now.bytes - before.bytes) / MIB} MiB`);
			const hasLeft = (): boolean => held(worker).descriptors <= before.descriptors + 2 * OF_EACH_KIND;
			await until("those in the handshake are cut off", hasLeft, LIMIT_MS);
			await isServed(t, "127.0.9.3");
			const [first] = all;
			first?.resume();
			for (let answers = 0; answers < 16; ) if ((await first?.any())?.isLast === true) answers++;
			for (const each of all) each.end();
			const isOver = async (): Promise<boolean> =>
				(await clients()) === 1 && held(worker).descriptors <= before.descriptors;
			await until("nothing is left of them", isOver, LIMIT_MS);
			await isServed(t, "127.0.9.4");
			t.equal(await tree.pidOf("worker"), worker, "the worker is the same");
		});

	t.test("whoever was there all the time can go in good order", async (t) => {
		good.request(Command.disconnect, 9n);
		t.equal(await good.over(), 0);
	});
}
