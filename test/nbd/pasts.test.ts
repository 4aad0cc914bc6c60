// What a volume was, over NBD: by its snapshots and moments, for whoever may read the volume, the same for all connections of a client, and
// kept for as long as somebody reads it.

import { execFileSync } from "node:child_process";
import { connect } from "node:net";
import t from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { PASTS_MAX } from "../../lib/daemon/nbd-pasts.js";
import { Command, NbdError, Option, OptionReply } from "../../lib/nbd/protocol.js";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { nameQuery, TestClient } from "./client.js";

const BLOCK = 4096;
const READ_ONLY = 2;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const pool = tree.path("fast");
	const quiet = { out: () => {}, err: () => {} };
	await poolCreateCommand([pool], quiet);
	for (const name of ["web", "mail"]) await volumeCreateCommand([`${pool}/${name}`, "64M"], quiet);
	const configure = (clients: string): void =>
		tree.configure(
			[
				`workers = 2\n[pool.fast]\npath = "${pool}"\n`,
				`[nbd]\nlisten = ["127.0.0.1:10809", "[::1]:10809"]\n`,
				`[disk.web]\nvolume = "fast/web"\n[disk.web.nbd]\nname = "shop"\n${clients}\n`,
				`[disk.mail]\nvolume = "fast/mail"\noffset = 8\nlength = 8\n[disk.mail.nbd]\n`,
			].join("\n"),
		);
	configure("");
	await tree.start();
	t.teardown(() => tree.stop());
	for (const name of ["web", "mail"]) await tree.state(name, "open");

	const client = (host = "127.0.0.1"): TestClient => new TestClient(connect({ host, port: 10809 }));
	const reader = async (name: string, host?: string): Promise<TestClient> => {
		const one = client(host);
		await one.go(name, false);
		return one;
	};
	/** What comes of asking for it: how long it is, what can be done with it, what it is called; and why it can't be had. */
	const asked = async (name: string, host?: string) => {
		const one = client(host);
		await one.greet();
		one.option(Option.info, nameQuery(name, [1]));
		const answers = await one.answers();
		one.end();
		const { reply, data } = answers.at(-1)!;
		const [about, called] = answers.map((each) => each.data);
		return reply === OptionReply.ack
			? {
					size: Number(about!.readBigUInt64BE(2)),
					flags: about!.readUInt16BE(10),
					name: String(called!.subarray(2)),
				}
			: { reply, why: String(data) };
	};
	const byteOf = async (one: TestClient): Promise<number> => {
		one.request(Command.read, 1n, 0, BLOCK);
		t.equal((await one.simple()).error, NbdError.none);
		const block = await one.take(BLOCK);
		t.ok(block.every((byte) => byte === block[0]));
		return block[0]!;
	};
	const fill = async (name: string, byte: number): Promise<void> => {
		const one = await reader(name);
		t.equal(await one.write(0, Buffer.alloc(BLOCK, byte)), NbdError.none);
		one.end();
	};
	const snapshot = async (...snapshots: string[]): Promise<void> => {
		t.equal((await tree.ask("POST", "/api/v1/snapshots", { names: snapshots })).status, 200);
	};
	const remove = async (name: string) => tree.ask("DELETE", `/api/v1/snapshots/${encodeURIComponent(name)}`);

	t.test("a snapshot by the name of the volume and by that of the export", async (t) => {
		await fill("shop", 1);
		await snapshot("fast/web@one");
		await fill("shop", 2);
		for (const name of ["fast/web@one", "shop@one"]) {
			const one = await reader(name);
			t.equal(await byteOf(one), 1, name);
			t.equal(await one.write(0, Buffer.alloc(BLOCK, 9)), NbdError.EPERM);
			one.end();
		}
		t.strictSame(
			{ ...(await asked("shop@one")), flags: 0 },
			{ size: 64 * 1024 * 1024, flags: 0, name: "fast/web@one" },
		);
		t.equal((await asked("shop@one")).flags! & READ_ONLY, READ_ONLY);
	});

	t.test("a moment is fixed when it is asked for, for all that ask for it", async (t) => {
		const at = new Date().toISOString();
		await fill("shop", 3);
		const first = await reader("shop@-0s");
		await fill("shop", 4);
		const second = await reader("shop@-0s");
		t.equal(await byteOf(first), 3);
		t.equal(await byteOf(second), 3);
		const name = (await asked("shop@-0s")).name!;
		t.match(name, /^fast\/web@\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}\.\d{6}Z$/);
		first.end();
		second.end();
		const third = await reader(`fast/web@${at}`);
		t.equal(await byteOf(third), 2, "as it is told otherwise");
		third.end();
		const fourth = await reader(name);
		t.equal(await byteOf(fourth), 3, "by the name that it was told by");
		fourth.end();
	});

	t.test("of a part of a volume no more than that is there", async (t) => {
		await fill("mail", 5);
		await snapshot("fast/mail@one");
		t.match(await asked("fast/mail@one"), { size: BLOCK });
		const one = await reader("fast/mail@one");
		t.equal(await byteOf(one), 5);
		one.end();
	});

	t.test("what is not there is refused with the reason", async (t) => {
		const { errUnknown } = OptionReply;
		t.match(await asked("shop@none"), { reply: errUnknown, why: /"web": has no snapshot "none"/ });
		t.match(await asked("shop@-10d"), { reply: errUnknown, why: /there was no such volume then/ });
		t.match(await asked("shop@2099-01-01T00:00:00Z"), { reply: errUnknown, why: /is in the future/ });
		t.match(await asked("none@one"), { reply: errUnknown, why: /there is no such export/ });
	});

	t.test("a snapshot that is read stays, and goes when nobody reads it any more", async (t) => {
		await snapshot("fast/web@kept");
		const one = await reader("shop@kept");
		const refused = await remove("fast/web@kept");
		t.equal(refused.status, 422);
		t.match(JSON.stringify(refused.body), /web@kept.*a client of NBD reads it/);
		const told = async () => JSON.stringify((await tree.ask("GET", "/api/v1/disks/web")).body.nbd);
		await until(
			"it is told who reads it",
			async () => (await told()).includes('"past":"fast/web@kept"'),
			LIMIT_MS,
		);
		one.end();
		await until("it can go", async () => (await remove("fast/web@kept")).status < 300, LIMIT_MS);
	});

	t.test("no more than so many at once", async (t) => {
		const many: TestClient[] = [];
		for (let i = 0; i < PASTS_MAX; i++) many.push(await reader(`shop@-0.${String(i).padStart(3, "0")}s`));
		t.match(await asked("shop@one"), {
			reply: OptionReply.errPolicy,
			why: /64 snapshots and moments are read already/,
		});
		const same = await asked("shop@-0.000s");
		t.ok(same.name, "what is open can be had, by the words that it was asked for");
		t.match(await asked(`shop@${same.name!.split("@")[1]}`), { name: same.name! }, "and by its name in full");
		const [first, ...others] = many;
		first!.end();
		await until("there is room again", async () => (await asked("shop@one")).name !== undefined, LIMIT_MS);
		for (const each of others) each.end();
	});

	t.test("who may not have the volume has none of its past, and is cut off from it", async (t) => {
		const one = await reader("shop@one");
		configure('clients = ["::1"]');
		t.ok(await tree.reload());
		await one.over();
		t.match(await asked("shop@one"), {
			reply: OptionReply.errPolicy,
			why: /not among those who may have it/,
		});
		t.match(await asked("shop@none"), { reply: OptionReply.errPolicy }, "nor is he told what there is");
		t.match(await asked("shop@one", "::1"), { name: "fast/web@one" });
	});

	t.test("it ends with its disk", async (t) => {
		const one = await reader("shop@one", "::1");
		t.equal((await tree.ask("POST", "/api/v1/disks/web/fence", {})).status < 300, true);
		await one.over();
		t.match(await asked("shop@one", "::1"), { reply: OptionReply.errUnknown });
	});
}
