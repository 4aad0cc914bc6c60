// A pool on a directory of another host: its store and its head are served by `vblade objects` behind TLS, to two daemons, one of which has it at a time. The server is
// killed and comes back, and so is a daemon.
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import t from "tap";
import { ObjectsProgram } from "../object-server/program.js";
import { KEYS } from "../object-server/stage.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { DaemonTree } from "./tree-bench.js";

const FAILED = /fail|error/i;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const objects = new ObjectsProgram();
	await objects.start();
	t.teardown(() => objects.program.stop("SIGKILL", LIMIT_MS));

	/** A host, with a log of its own. */
	class Host {
		readonly tree = new DaemonTree();

		constructor() {
			const { tree } = this;
			writeFileSync(tree.path("secret"), `${KEYS.secret}\n`, { mode: 0o600 });
			tree.configure(
				[
					`[nbd]\nlisten = ["unix:${tree.path("nbd.sock")}"]`,
					`[store.attic]\ntype = "s3"\nendpoint = "${objects.stage.endpoint}"\nregion = "${KEYS.region}"`,
					`access_key = "${KEYS.accessKey}"\nsecret_file = "${tree.path("secret")}"`,
					`ca = "${objects.stage.keys.ca}"`,
					`[pool.gold]\nstore = "attic"\ncontainer = "gold"\nhead = "store"\nlog = "${tree.path("log")}"`,
					'stable = "store"\n[disk.web]\nvolume = "gold/web"\n[disk.web.nbd]\n',
				].join("\n"),
			);
		}

		async say(...words: string[]): Promise<string> {
			return (await run([...vbladeCommand(), ...words, "--socket", this.tree.socket], LIMIT_MS)).output;
		}

		async io(...commands: string[]): Promise<string> {
			const words = commands.flatMap((command) => ["-c", command]);
			const at = `nbd+unix:///web?socket=${this.tree.path("nbd.sock")}`;
			return (await run(["qemu-io", "-f", "raw", ...words, at], LIMIT_MS)).output;
		}
	}

	const [one, two] = [new Host(), new Host()];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));

	t.test("it is made there, and what is flushed is there", async (t) => {
		await one.tree.start();
		t.notMatch(await one.say("pool", "create", "gold"), FAILED);
		t.notMatch(await one.say("volume", "create", "gold/web", "64M"), FAILED);
		await one.tree.state("web", "open");
		t.notMatch(await one.io("write -P 1 0 20M", "flush"), FAILED);
	});

	t.test("the server is killed and comes back: a flush waits, and nothing is lost", async (t) => {
		await objects.program.stop("SIGKILL", LIMIT_MS);
		const written = one.io("write -P 2 20M 4M", "flush");
		await objects.start();
		t.notMatch(await written, FAILED);
	});

	t.test("another host takes over what the first one has left", async (t) => {
		await two.tree.start();
		t.match(await two.tree.state("web", "waiting"), { reason: /is owned by .*, waiting/ });
		await one.tree.stop();
		await two.tree.state("web", "open");
		t.notMatch(await two.io("read -P 1 0 20M", "read -P 2 20M 4M", "write -P 3 0 1M", "flush"), FAILED);
	});
}
