// Pools in object stores of a daemon, from the configuration to what initiators read: one in S3 with its superblock in etcd, one in Swift with it in a
// file. They are made, written to, processes are killed, what is on the host is lost, the store goes away and comes back, and all is there.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import t from "tap";
import { StandInEtcd } from "../object/stand-in-etcd.js";
import { BUCKET, KEYS, StandInS3 } from "../object/stand-in-s3.js";
import { CONTAINER, StandInSwift } from "../object/stand-in-swift.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";
import { DaemonTree } from "./tree-bench.js";

const FAILED = /fail|error/i;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const [s3, etcd, swift] = [new StandInS3(), new StandInEtcd(), new StandInSwift()];
	const [s3At, etcdAt] = [await s3.start(), await etcd.start(), await swift.start()];
	t.teardown(() => Promise.all([s3.stop(), etcd.stop(), swift.stop()]));
	const near = tree.path("nbd.sock");
	const account = swift.account(1);
	writeFileSync(tree.path("s3.secret"), `${KEYS.secret}\n`, { mode: 0o600 });
	writeFileSync(tree.path("swift.key"), `${account.key}\n`, { mode: 0o600 });
	mkdirSync(tree.path("logs"));
	const configure = (more = ""): void =>
		tree.configure(
			[
				`[nbd]\nlisten = ["unix:${near}"]`,
				`[store.attic]\ntype = "s3"\nendpoint = "${s3At}"\nregion = "${KEYS.region}"`,
				`access_key = "${KEYS.accessKey}"\nsecret_file = "${tree.path("s3.secret")}"`,
				`[store.cellar]\ntype = "swift"\nauth = "${account.auth}"\nuser = "${account.user}"`,
				`key_file = "${tree.path("swift.key")}"`,
				`[head.etcd]\nendpoints = ["${etcdAt}"]`,
				`[pool.gold]\nstore = "attic"\ncontainer = "${BUCKET}"\nprefix = "pools/gold"\nhead = "etcd"`,
				`log = "${tree.path("logs/gold")}"\n${more}`,
				`[pool.silver]\nstore = "cellar"\ncontainer = "${CONTAINER}"\nhead = "file"`,
				`log = "${tree.path("logs/silver")}"\nstable = "store"`,
				'[disk.web]\nvolume = "gold/web"\n[disk.web.nbd]',
				'[disk.mail]\nvolume = "silver/mail"\n[disk.mail.nbd]\n',
			].join("\n"),
		);
	configure();
	await tree.start();
	t.teardown(() => tree.stop());
	const say = async (...words: string[]): Promise<{ status: number | null; text: string }> => {
		const { code, output } = await run([...vbladeCommand(), ...words, "--socket", tree.socket], LIMIT_MS);
		return { status: code, text: output };
	};
	const done = async (...words: string[]): Promise<string> => {
		const { status, text } = await say(...words);
		t.equal(status, 0, text);
		return text;
	};
	const io = async (disk: string, ...commands: string[]): Promise<string> => {
		const words = commands.flatMap((command) => ["-c", command]);
		const at = `nbd+unix:///${disk}?socket=${near}`;
		return (await run(["qemu-io", "-f", "raw", ...words, at], LIMIT_MS)).output;
	};
	const open = async (): Promise<void> => {
		for (const name of ["web", "mail"]) await tree.state(name, "open");
	};

	t.test("they are made where the configuration says, once", async (t) => {
		await tree.problem(/pool gold: store:gold: is no pool/);
		const made = await done("pool", "create", "gold");
		t.match(made, /^path +store:gold$/m);
		t.match(made, new RegExp(`^store +${s3At}/${BUCKET}: objects [0-9]+, [0-9.]+[A-Z]?$`, "m"));
		t.match(made, /^head +etcd vblade\/pools\/gold$/m);
		t.match((await say("pool", "create", "gold")).text, /there is a pool/);
		t.match((await say("pool", "create", "gold", "--force")).text, /is not made anew by force/);
		await done("pool", "create", "silver");
		await done("volume", "create", "gold/web", "64M");
		await done("volume", "create", "silver/mail", "64M");
		await open();
		t.match(await done("pool", "ls"), /^silver .* store:silver$/m);
		t.notMatch(await done("dump"), new RegExp(KEYS.secret), "secrets are nobody's");
	});

	t.test("whatever is killed, what was acknowledged is there", async (t) => {
		t.notMatch(await io("web", "write -P 7 0 4M", "flush", "write -P 8 8M 64k"), FAILED);
		t.notMatch(await io("mail", "write -P 9 0 4M", "flush"), FAILED);
		await tree.kill("worker");
		await open();
		t.notMatch(await io("web", "read -P 7 0 4M", "read -P 8 8M 64k", "read -P 0 4M 4M"), FAILED);
		for (const { pid } of await tree.processes()) if (pid !== null) sendSignal(pid, "SIGKILL");
		await tree.program.stop("SIGKILL", LIMIT_MS);
		await tree.start();
		await open();
		t.notMatch(await io("web", "read -P 7 0 4M", "read -P 8 8M 64k", "write -P 5 1M 64k"), FAILED);
		t.notMatch(await io("mail", "read -P 9 0 4M"), FAILED);
	});

	t.test("without what was on the host it is read from the store", async (t) => {
		await tree.stop();
		rmSync(tree.path("logs/gold"), { recursive: true });
		const before = s3.asked.length;
		await tree.start();
		await open();
		t.notMatch(await io("web", "read -P 7 0 1M", "read -P 5 1M 64k", "read -P 8 8M 64k"), FAILED);
		t.ok(s3.asked.slice(before).some((asked) => /^GET .*pools\/gold\//.test(asked)));
		const { stored } = (await tree.ask("GET", "/api/v1/pools/gold")).body;
		t.match(stored, { trouble: null });
		t.ok((stored as unknown as { fetchedBytes: number }).fetchedBytes > 0);
	});

	t.test("a check and a scrub go through the objects", async (t) => {
		const before = s3.asked.length;
		t.match(await done("pool", "check", "gold"), /all is well in 1 volume/);
		t.ok(s3.asked.slice(before).some((asked) => /^HEAD .*pools\/gold\//.test(asked)));
		t.match(await done("pool", "scrub", "gold"), /all is well in 1 volume/);
		t.match(await done("pool", "scrub", "silver"), /all is well in 1 volume/);
		const [name, kept] = [...s3.objects].reduce((best, each) =>
			each[1].bytes.length > best[1].bytes.length ? each : best,
		);
		s3.objects.set(name, { ...kept, bytes: kept.bytes.subarray(0, 100) });
		const { status, text } = await say("pool", "check", "gold");
		t.equal(status, 1);
		t.match(text, /has 100 bytes, not \d+/);
		s3.objects.set(name, kept);
	});

	t.test("figures are in the metrics", async (t) => {
		const text = String((await tree.ask("GET", "/metrics")).body.text);
		t.match(text, /^vblade_pool_unshipped_bytes\{pool="gold"\} \d+$/m);
		t.match(text, /^vblade_pool_unshipped_seconds\{pool="gold"\} [\d.]+$/m);
		t.match(text, /^vblade_lease_remaining_seconds\{pool="silver"\} [\d.]+$/m);
		t.match(text, /^vblade_object_request_seconds_count\{pool="gold",op="get",code="206"\} \d+$/m);
		t.match(text, /^vblade_object_request_seconds_count\{pool="gold",op="swap",code="200"\} \d+$/m);
		t.match(text, /^vblade_object_request_seconds_count\{pool="silver",op="put",code="201"\} \d+$/m);
	});

	t.test("a store that is away is told, kept waiting for, and heals by itself", async (t) => {
		swift.mishap = () => ({ status: 503 });
		const written = io("mail", "write -P 3 16M 1M", "flush");
		await tree.problem(/pool silver: what is written stays on this host: .*503/);
		t.match(await done("pool", "ls"), /store:silver \(.*what is written stays on this host/);
		swift.mishap = () => undefined;
		t.notMatch(await written, FAILED);
		await until(
			"the problem is over",
			async () => !String((await tree.ask("GET", "/api/v1/status")).body.problems).includes("silver"),
			LIMIT_MS,
		);
		t.notMatch(await io("mail", "read -P 3 16M 1M"), FAILED);
		const { events } = (await tree.ask("GET", "/api/v1/events")).body;
		const told = (events as unknown as readonly { kind: string; message: string }[])
			.filter(({ kind }) => kind === "pool-store")
			.map(({ message }) => message);
		t.match(told, [
			/pool store:silver: what is written stays .*503/,
			/pool store:silver: its object store answers/,
		]);
	});

	t.test("what says where it is has it opened anew", async (t) => {
		configure('stable = "store"');
		t.match(await done("diff"), /^pool\.gold\.stable unset -> store \(closed and opened\)$/m);
		t.ok(await tree.reload());
		await tree.nothingUnderWay();
		await open();
		t.notMatch(await io("web", "read -P 7 0 1M", "read -P 5 1M 64k"), FAILED);
	});
}
