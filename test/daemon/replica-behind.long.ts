// A pool whose replica was promoted and has gone on, with nothing written to the pool itself since: it comes back by a replica that the other pool has, which the first host promotes in the
// place of its own.
import { execFileSync } from "node:child_process";
import t from "tap";
import { StandInS3 } from "../object/stand-in-s3.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { copyOf, nbd, ReplicaHost, replicaIn } from "./replica-hosts.js";

const FAILED = /fail|error|can't/i;
const WROTE = /^wrote 1048576\/1048576 bytes/m;
const LACKS_NOTHING = /^replica +attic\/.*: lacks nothing$/m;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const s3 = new StandInS3();
	const endpoint = await s3.start();
	t.teardown(() => s3.stop());
	const [one, two] = [new ReplicaHost(endpoint, () => ""), new ReplicaHost(endpoint, () => "")];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	const fast = `[pool.fast]\npath = "${one.tree.path("fast")}"\n${replicaIn("fast")}`;
	one.serveAll(fast + nbd("web", "fast/web"));
	two.serveAll(copyOf("fast", two.tree) + nbd("web", "fast-copy/web", "read_only = true\n"));

	t.test("its replica is promoted, and has gone on", async (t) => {
		await run([...vbladeCommand(), "pool", "create", one.tree.path("fast")], LIMIT_MS);
		await one.tree.start();
		await one.say("volume", "create", "fast/web", "64M");
		await one.tree.state("web", "open");
		t.notMatch(await one.io("write -P 1 0 1M", "flush"), FAILED);
		t.match(await one.says(LACKS_NOTHING, "pool", "show", "fast"), LACKS_NOTHING);
		await two.tree.start();
		t.match(await two.say("pool", "promote", "fast-copy"), /^pool +fast-copy$/m);
		two.serveAll(copyOf("fast", two.tree) + replicaIn("back") + nbd("web", "fast-copy/web"));
		await two.tree.reload();
		await two.tree.state("web", "open");
		const isWritable = /^read-only +no$/m;
		t.match(await two.says(isWritable, "disk", "show", "web"), isWritable);
		t.match(await two.io("read -P 1 0 1M", "write -P 2 1M 1M", "flush"), WROTE);
		const behind =
			/^replica +attic\/.*: was promoted by .*, and has gone on: 1.*M of .* there, nothing here$/m;
		t.match(await one.says(behind, "pool", "show", "fast"), behind);
	});

	t.test("the first host has all of it by a replica of that, and goes on with it", async (t) => {
		t.match(await two.says(LACKS_NOTHING, "pool", "show", "fast-copy"), LACKS_NOTHING);
		await two.tree.stop();
		one.serveAll(copyOf("back", one.tree) + nbd("web", "back-copy/web"));
		await one.tree.reload();
		t.match(await one.says(/^pool +back-copy$/m, "pool", "promote", "back-copy"), /^pool +back-copy$/m);
		await one.tree.state("web", "open");
		t.notMatch(
			await one.io("read -P 1 0 1M", "read -P 2 1M 1M", "write -P 3 2M 1M", "read -P 3 2M 1M"),
			FAILED,
		);
	});
}
