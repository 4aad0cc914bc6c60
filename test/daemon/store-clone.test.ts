// A pool of a daemon in real Swift with three copies of each object, its superblock in a real etcd: an image is imported, and a host that has nothing of
// the pool serves a clone of it at once; a storage server is killed, and the daemon too.
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";
import { Etcd, etcdMissing } from "../support/services/etcd.js";
import { Swift, swiftMissing } from "../support/services/swift.js";
import { DaemonTree } from "./tree-bench.js";

const MIB = 2 ** 20;
const IMAGE_MIB = 96;
const FAILED = /fail|error/i;
const skip = etcdMissing() || swiftMissing();

t.setTimeout(350_000);

if (await inNamespace(import.meta.url)) t.test("Swift and etcd", { skip }, services);

/** Swift, etcd, a daemon that has a disk in them, and what is asked of these. */
async function begun(t: Test) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const swift = await Swift.start(3);
	t.teardown(() => swift.stop());
	const etcd = await Etcd.start(1);
	t.teardown(() => etcd.stop());
	const { account } = swift;
	const near = tree.path("nbd.sock");
	mkdirSync(tree.path("logs"));
	writeFileSync(tree.path("swift.key"), `${account.key}\n`, { mode: 0o600 });
	const image = tree.file("image.raw", 0);
	writeFileSync(image, randomBytes(IMAGE_MIB * MIB));
	tree.configure(
		[
			`[nbd]\nlisten = ["unix:${near}"]`,
			`[store.cellar]\ntype = "swift"\nauth = "${account.auth}"\nuser = "${account.user}"`,
			`key_file = "${tree.path("swift.key")}"`,
			`[head.etcd]\nendpoints = [${etcd.endpoints.map((endpoint) => `"${endpoint}"`).join()}]`,
			'[pool.gold]\nstore = "cellar"\ncontainer = "gold"\nhead = "etcd"',
			`log = "${tree.path("logs/gold")}"\nstable = "store"`,
			'[disk.one]\nvolume = "gold/one"\n[disk.one.nbd]\n',
		].join("\n"),
	);
	await tree.start();
	t.teardown(() => tree.stop());
	const done = async (...words: string[]): Promise<string> => {
		const { code, output } = await run([...vbladeCommand(), ...words, "--socket", tree.socket], 3 * LIMIT_MS);
		t.equal(code, 0, output);
		return output;
	};
	const io = async (...commands: string[]): Promise<string> => {
		const words = commands.flatMap((command) => ["-c", command]);
		return (await run(["qemu-io", "-f", "raw", ...words, `nbd+unix:///one?socket=${near}`], LIMIT_MS)).output;
	};
	const stored = async (): Promise<{
		unshippedBytes: number;
		fetchedBytes: number;
		trouble: string | null;
	}> => (await tree.ask("GET", "/api/v1/pools/gold")).body.stored as never;
	const compare = async (): Promise<void> => {
		const { code, output } = await run(
			["qemu-img", "compare", "-f", "raw", "-F", "raw", image, `nbd+unix:///one?socket=${near}`],
			LIMIT_MS,
		);
		t.equal(code, 0, output);
	};

	return { tree, swift, image, done, io, stored, compare };
}

async function services(t: Test): Promise<void> {
	const { tree, swift, image, done, io, stored, compare } = await begun(t);
	await t.test("an image is imported, and comes to the store", async (t) => {
		await done("pool", "create", "gold");
		await done("volume", "import", "gold/base", image);
		await done("volume", "snapshot", "gold/base@v1");
		await done("volume", "clone", "gold/base@v1", "gold/one");
		await tree.state("one", "open");
		await until("all of it is there", async () => (await stored()).unshippedBytes === 0, LIMIT_MS);
		await compare();
		t.equal((await stored()).fetchedBytes, 0);
	});

	await t.test(
		"a host that has nothing of it serves the clone at once, and fetches what is read",
		async (t) => {
			await tree.stop();
			rmSync(tree.path("logs/gold"), { recursive: true });
			const began = performance.now();
			await tree.start();
			await tree.state("one", "open");
			t.notMatch(await io("read 0 1M", "read 40M 1M"), FAILED);
			const { fetchedBytes } = await stored();
			t.comment(
				`${Math.round(performance.now() - began)} ms with the daemon's start; ${fetchedBytes} bytes fetched`,
			);
			// (Of a pool that is so small, to open it is most of that: the segment in which its log ends is read, and the map.)
			t.ok(fetchedBytes < 24 * MIB, `${fetchedBytes} of ${IMAGE_MIB * MIB} bytes were fetched`);
			await compare();
		},
	);

	await t.test("one of the storage servers is killed, and then the daemon", async (t) => {
		swift.kill("object2");
		t.notMatch(await io("write -P 7 8M 4M", "flush", "read -P 7 8M 4M"), FAILED);
		await until("that is there, too", async () => (await stored()).unshippedBytes === 0, LIMIT_MS);
		t.notMatch(await io("write -P 9 64M 1M", "flush"), FAILED);
		for (const { pid } of await tree.processes()) if (pid !== null) sendSignal(pid, "SIGKILL");
		await tree.program.stop("SIGKILL", LIMIT_MS);
		await tree.start();
		await tree.state("one", "open");
		t.notMatch(await io("read -P 7 8M 4M", "read -P 9 64M 1M"), FAILED);
	});
}
