// A pool in real Swift with its superblock in a real etcd of three members, as a daemon serves it: servers of both are killed and come back, what was on the host is
// lost, and all is there.
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { Etcd, etcdMissing } from "../support/services/etcd.js";
import { Swift, swiftMissing } from "../support/services/swift.js";
import { DaemonTree } from "./tree-bench.js";

const FAILED = /fail|error/i;
const missing = swiftMissing() || etcdMissing();

if (missing !== false) t.pass("not run", { skip: missing });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const swift = await Swift.start(3);
	t.teardown(() => swift.stop());
	const etcd = await Etcd.start(3);
	t.teardown(() => etcd.stop());
	const tree = new DaemonTree();
	const { account } = swift;
	writeFileSync(tree.path("key"), account.key, { mode: 0o600 });
	tree.configure(
		[
			`[nbd]\nlisten = ["unix:${tree.path("nbd.sock")}"]`,
			`[store.cellar]\ntype = "swift"\nauth = "${account.auth}"\nuser = "${account.user}"`,
			`key_file = "${tree.path("key")}"`,
			`[head.etcd]\nendpoints = ${JSON.stringify(etcd.endpoints)}`,
			`[pool.gold]\nstore = "cellar"\ncontainer = "gold"\nhead = "etcd"\nlog = "${tree.path("log")}"`,
			'stable = "store"\n[disk.web]\nvolume = "gold/web"\n[disk.web.nbd]\n',
		].join("\n"),
	);
	await tree.start();
	t.teardown(() => tree.stop());
	const say = async (...words: string[]): Promise<void> => {
		const { code, output } = await run([...vbladeCommand(), ...words, "--socket", tree.socket], LIMIT_MS);
		t.equal(code, 0, output);
	};
	const io = async (...commands: string[]): Promise<string> => {
		const words = commands.flatMap((command) => ["-c", command]);
		const at = `nbd+unix:///web?socket=${tree.path("nbd.sock")}`;
		return (await run(["qemu-io", "-f", "raw", ...words, at], LIMIT_MS)).output;
	};

	t.test("it is made, and what is flushed is in the store", async (t) => {
		await say("pool", "create", "gold");
		await say("volume", "create", "gold/web", "64M");
		await tree.state("web", "open");
		t.notMatch(await io("write -P 1 0 20M", "flush"), FAILED);
	});

	t.test("a member of etcd and an object server are killed, and nothing fails", async (t) => {
		await etcd.kill(0);
		swift.kill("object1");
		t.notMatch(await io("write -P 2 20M 8M", "flush", "read -P 1 0 20M"), FAILED);
		await tree.kill("worker");
		await tree.state("web", "open");
		t.notMatch(await io("read -P 2 20M 8M", "read -P 1 0 20M"), FAILED);
		await swift.forgetTokens();
		t.notMatch(await io("write -P 3 4M 1M", "flush"), FAILED);
	});

	t.test("without what was on the host all of it is in the store", async (t) => {
		await tree.stop();
		rmSync(tree.path("log"), { recursive: true });
		await tree.start();
		await tree.state("web", "open");
		t.notMatch(await io("read -P 3 4M 1M", "read -P 1 0 4M", "read -P 2 20M 8M", "read -P 0 28M 4M"), FAILED);
	});
}
