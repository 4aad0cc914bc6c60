// Two hosts with one configuration, whose pool is in an object store: one has it, the other one waits. When the first one is gone the second one has all that was
// brought to the store; what was acknowledged and was not it gives up by an operator's word alone.
import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import t from "tap";
import { BUCKET, KEYS, StandInS3 } from "../object/stand-in-s3.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run, sendSignal } from "../support/process.js";
import { DaemonTree } from "./tree-bench.js";

const FAILED = /fail|error/i;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const s3 = new StandInS3();
	const endpoint = await s3.start();
	t.teardown(() => s3.stop());

	/** A host, with a log of its own. */
	class Host {
		readonly tree = new DaemonTree();

		constructor() {
			writeFileSync(this.tree.path("secret"), `${KEYS.secret}\n`, { mode: 0o600 });
			this.configure();
		}

		configure(...more: string[]): void {
			const { tree } = this;
			tree.configure(
				[
					`[nbd]\nlisten = ["unix:${tree.path("nbd.sock")}"]`,
					`[store.attic]\ntype = "s3"\nendpoint = "${endpoint}"\nregion = "${KEYS.region}"`,
					`access_key = "${KEYS.accessKey}"\nsecret_file = "${tree.path("secret")}"`,
					`[pool.gold]\nstore = "attic"\ncontainer = "${BUCKET}"\nhead = "store"\nlog = "${tree.path("log")}"`,
					'[disk.web]\nvolume = "gold/web"\n[disk.web.nbd]\n',
					...more,
				].join("\n"),
			);
		}

		async say(...words: string[]): Promise<string> {
			return (await run([...vbladeCommand(), ...words, "--socket", this.tree.socket], LIMIT_MS)).output;
		}

		io(...commands: string[]): Promise<string> {
			return this.ioOf("web", ...commands);
		}

		async ioOf(disk: string, ...commands: string[]): Promise<string> {
			const words = commands.flatMap((command) => ["-c", command]);
			const at = `nbd+unix:///${disk}?socket=${this.tree.path("nbd.sock")}`;
			return (await run(["qemu-io", "-f", "raw", ...words, at], LIMIT_MS)).output;
		}

		/** As when its power goes. */
		async kill(): Promise<void> {
			for (const { pid } of await this.tree.processes()) if (pid !== null) sendSignal(pid, "SIGKILL");
			await this.tree.program.stop("SIGKILL", LIMIT_MS);
		}
	}

	const [one, two] = [new Host(), new Host()];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));

	t.test("one has it, and the other one says so", async (t) => {
		await one.tree.start();
		await one.tree.problem(/pool gold: store:gold: is no pool yet: vblade pool create gold makes one/);
		await one.say("pool", "create", "gold");
		t.match(await one.say("pool", "create", "gold"), /vblade: store:gold: there is a pool, and it is open/);
		await one.say("volume", "create", "gold/web", "64M");
		await one.tree.state("web", "open");
		t.notMatch(await one.io("write -P 1 0 1M", "flush"), FAILED);
		await two.tree.start();
		t.match(await two.tree.state("web", "waiting"), { reason: /is owned by .*, waiting/ });
		t.match(await two.tree.state("web", "waiting"), { reason: /is owned by .*, waiting/ });
	});

	t.test("one that ends leaves it to the other at once, with all that it had", async (t) => {
		await one.tree.stop();
		await two.tree.state("web", "open");
		t.notMatch(await two.io("read -P 1 0 1M", "write -P 2 1M 1M", "flush"), FAILED);
	});

	t.test("what only a host had that is gone is lost by an operator's word alone", async (t) => {
		const { identity: before } = await two.tree.state("web", "open");
		t.type(before, "object");
		await two.kill();
		await one.tree.start();
		await one.tree.problem(/pool gold: store:gold: up to [0-9]+ bytes .* are only on that host/);
		t.match(await one.tree.state("web", "failed"), { reason: /are only on that host/ }, "it does not wait");
		const reason = await one.say("pool", "ls");
		const [, bytes = ""] = /vblade pool takeover gold --lose ([0-9]+)/.exec(reason) ?? [];
		t.match(await one.say("pool", "takeover", "gold"), /--lose is missing/);
		t.match(await one.say("pool", "takeover", "gold", "--lose", "1"), /are only on that host/);
		t.match(await one.say("pool", "takeover", "gold", "--lose", bytes), /^pool +gold$/m);
		const { identity } = await one.tree.state("web", "open");
		t.notSame(identity, before, "no initiator takes it for what it knows");
		t.notMatch(await one.io("read -P 1 0 1M", "write -P 3 2M 1M", "flush"), FAILED);
		for (const [words, output] of [
			[["takeover", "gold", "--lose", "1G"], /^vblade: pool "gold": is open here, and nothing .*\n$/],
			[["promote", "gold"], /^vblade: pool "gold": is no replica, but a pool of its own\n$/],
		] as const) {
			const command = [...vbladeCommand(), "pool", ...words, "--socket", one.tree.socket];
			t.match(await run(command, LIMIT_MS), { code: 2, output });
		}
	});

	t.test("one that comes back is not taken for the owner any more", async (t) => {
		await two.tree.start();
		await two.tree.state("web", "failed");
		t.notMatch(await one.io("read -P 3 2M 1M"), FAILED);
	});

	t.test("what was given up can be read on the host that has it, until it is forgotten", async (t) => {
		const { lost = [] } = ((await one.tree.ask("GET", "/api/v1/pools/gold")).body.stored ?? {}) as {
			lost?: { epoch: number; bytes: number }[];
		};
		t.equal(lost.length, 1);
		const epoch = String(lost[0]?.epoch);
		t.match(await one.say("pool", "show", "gold"), new RegExp(`^given up +of epoch ${epoch}: up to `, "m"));
		const lack =
			/is owned by .*, and can't be had here: another host has gone on with it, .* a pool with a tail has them .* --forget/;
		await two.tree.problem(lack);
		t.match(await two.tree.state("web", "failed"), { reason: lack }, "it does not wait");
		t.match(await two.say("pool", "show", "gold"), lack);
		const command = [...vbladeCommand(), "pool", "handover", "gold", "--socket", one.tree.socket];
		t.match(await run(command, LIMIT_MS), {
			code: 1,
			output: /^vblade: .*no other host waits for it that could have it\n$/,
		});
		t.notMatch(
			await one.io("read -P 3 2M 1M", "write -P 4 3M 64k", "flush"),
			FAILED,
			"it goes on where it was",
		);
		await two.tree.stop();
		renameSync(two.tree.path("log"), two.tree.path("lost"));
		two.configure(
			`[pool.tail]\ntail = "gold"\nlog = "${two.tree.path("lost")}"`,
			'[disk.tail]\nvolume = "tail/web"\nread_only = true\n[disk.tail.nbd]\n',
		);
		await two.tree.start();
		t.match(await two.tree.state("web", "waiting"), { reason: /is owned by .*, waiting/ });
		await two.tree.state("tail", "open");
		t.match(await two.say("volume", "ls", "tail"), /^tail\/web /m);
		t.notMatch(await two.ioOf("tail", "read -P 2 1M 1M", "read -P 1 0 1M"), FAILED);
		t.match(
			await two.say("volume", "create", "tail/more", "1G"),
			/is what was given up of gold, which can be read/,
		);
		t.notMatch(await one.io("read -P 3 2M 1M"), FAILED, "the pool itself goes on");
		await two.tree.stop();
		await two.tree.start();
		await two.tree.state("tail", "open");
		t.notMatch(await two.ioOf("tail", "read -P 2 1M 1M"), FAILED, "as often as one likes");
		t.match(
			await one.say("pool", "takeover", "gold", "--forget", "999"),
			/nothing of epoch 999 was given up/,
		);
		t.notMatch(await one.say("pool", "takeover", "gold", "--forget", epoch), /given up/);
		await two.tree.stop();
		await two.tree.start();
		await two.tree.problem(/pool tail: store:tail: here is nothing of gold that was given up/);
	});
}
