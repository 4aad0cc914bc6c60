// A pool in a directory has a replica in an object store, which another host knows as a pool of its own: it refuses to open that until it is promoted, and then has all that
// the first host had brought there. The first host says that it was.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import t from "tap";
import { BUCKET, StandInS3 } from "../object/stand-in-s3.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { ReplicaHost } from "./replica-hosts.js";

const FAILED = /fail|error/i;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const s3 = new StandInS3();
	const endpoint = await s3.start();
	t.teardown(() => s3.stop());

	const one = new ReplicaHost(
		endpoint,
		(tree) =>
			`[pool.fast]\npath = "${tree.path("fast")}"\nreplica = [{ store = "attic", container = "${BUCKET}" }]`,
	);
	one.serve("web", "fast/web");
	const two = new ReplicaHost(
		endpoint,
		(tree) =>
			`[pool.copy]\nstore = "attic"\ncontainer = "${BUCKET}"\nhead = "store"\nlog = "${tree.path("log")}"`,
	);
	two.serve("look", "copy/web", "read_only = true\n");
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));

	t.test("what is written to a pool comes to its replica", async (t) => {
		await run([...vbladeCommand(), "pool", "create", one.tree.path("fast")], LIMIT_MS);
		await one.tree.start();
		await one.say("volume", "create", "fast/web", "64M");
		await one.tree.state("web", "open");
		t.notMatch(await one.io("write -P 1 0 1M", "flush"), FAILED);
		await one.say("volume", "snapshot", "fast/web@monday");
		t.notMatch(await one.io("write -P 2 1M 1M", "flush"), FAILED);
		t.match(await one.says(/lacks nothing/, "pool", "show", "fast"), /^replica +attic\/.*: lacks nothing$/m);
	});

	t.test("another host reads it, at any of its moments, and writes nothing there", async (t) => {
		await one.tree.stop();
		const objects = (): string => JSON.stringify([...s3.objects]);
		const before = objects();
		await two.tree.start();
		await two.tree.state("look", "open");
		t.notMatch(await two.ioOf("look", "read -P 1 0 1M", "read -P 2 1M 1M"), FAILED);
		t.match(await two.ioOf("look", "write -P 9 0 1M"), /read-only/);
		t.match(await two.say("pool", "show", "copy"), /^replica of +fast of .*, can be read$/m);
		t.match(await two.say("volume", "ls", "copy"), /web/);
		const copied = two.tree.path("copied");
		t.notMatch(await two.say("volume", "export", "copy/web@monday", copied), FAILED);
		const monday = readFileSync(copied);
		t.same([monday[0], monday[2 ** 20]], [1, 0], "as it was then");
		t.match(
			await two.say("volume", "snapshot", "copy/web@mine"),
			/copy: is a replica of fast of .*can be read/,
		);
		t.match(
			await two.say("volume", "create", "copy/other", "1M"),
			/copy: is a replica of fast of .*can be read/,
		);
		t.equal(objects(), before, "all in the store is as it was");
		await one.tree.start();
	});

	t.test(
		"failing over and back without writes is no split: it is followed again, without a restart",
		async (t) => {
			t.match(await two.say("pool", "promote", "copy"), /^pool +copy$/m);
			await one.tree.problem(/pool fast: its replica attic\/.* was promoted by /);
			t.match(
				await one.says(/nothing was written there since/, "pool", "show", "fast"),
				/^replica +attic\/.*: was promoted by .*, and nothing was written there since: vblade pool demote/m,
			);
			t.notMatch(await one.io("write -P 5 4M 1M", "flush"), FAILED);
			t.match(await two.say("pool", "demote", "copy"), /^replica of +fast of .*, can be read$/m);
			t.match(
				await one.says(/lacks nothing/, "pool", "show", "fast"),
				/^replica +attic\/.*: lacks nothing$/m,
			);
			await two.tree.state("look", "open");
			t.notMatch(await two.says(/^(?![\s\S]*fail)/i, "pool", "show", "copy"), FAILED);
		},
	);

	t.test("another host does not serve it for writing until it is promoted", async (t) => {
		two.serve("web", "copy/web");
		await two.tree.reload();
		await two.tree.problem(/web: .*is a replica of fast of .*vblade pool promote/);
		t.match(await two.say("pool", "promote", "copy"), /^pool +copy$/m);
		await two.tree.state("web", "open");
		t.notMatch(
			await two.io("read -P 1 0 1M", "read -P 2 1M 1M", "read -P 5 4M 1M", "write -P 3 2M 1M", "flush"),
			FAILED,
		);
		t.match(await two.say("volume", "ls", "copy"), /web/);
	});

	t.test(
		"the first host goes on, and says that both have: nothing is overwritten but by an operator's word",
		async (t) => {
			t.match(
				await one.says(/: was promoted/, "pool", "show", "fast"),
				/^replica +attic\/.*: was promoted by /m,
			);
			t.notMatch(await one.io("write -P 4 3M 1M", "flush"), FAILED);
			t.match(
				await one.says(/both have gone on/, "pool", "show", "fast"),
				/^replica +attic\/.*: was promoted by .*, and both have gone on: .* here, .* there; each keeps/m,
			);
			t.match(await one.says(/pool-split/, "events"), /pool-split.*both have gone on/);
			await one.tree.problem(/pool fast: its replica attic\/.* was promoted by .*, and both have gone on/);
			t.match(
				await two.say("pool", "demote", "copy"),
				/has been written to since it was promoted: [0-9]+ bytes .*--lose [0-9]+/,
			);
			t.notMatch(await one.io("read -P 4 3M 1M"), FAILED);
			await two.tree.state("web", "open");
			t.notMatch(await two.io("read -P 3 2M 1M", "read -P 5 4M 1M", "read -P 0 3M 1M"), FAILED);
			t.match(
				await two.say("pool", "demote", "copy", "--lose", "1G"),
				/^replica of +fast of .*, can be read$/m,
			);
			t.match(
				await one.says(/lacks nothing/, "pool", "show", "fast"),
				/^replica +attic\/.*: lacks nothing$/m,
			);
		},
	);
}
