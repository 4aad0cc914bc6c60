// A pool in Ceph's S3, which has its superblock, too: made, an image imported, a snapshot, a clone that another host serves without having anything of it; the owner is killed and stands
// still while an initiator writes and flushes.
import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";
import { radosgwMissing } from "../support/services/radosgw.js";
import { startCeph } from "./real-services.js";
import { Host, layBridge } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

const MIB = 1024 * 1024;
const FAILED = /fail|error/i;
const skip = radosgwMissing();

t.setTimeout(8 * LIMIT_MS);

if (skip !== false) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url, 8 * LIMIT_MS)) {
	await layBridge(["host1", "host2", "client"]);
	const services = await startCeph(t);
	const options = { disks: ["web", "one"] };
	const [one, two] = [new Host("host1", services, options), new Host("host2", services, options)];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	const image = one.tree.file("image", 0);
	writeFileSync(image, randomBytes(48 * MIB));
	const isImage = async (host: Host): Promise<string> =>
		(await run(["qemu-img", "compare", "-f", "raw", "-F", "raw", image, host.uri("one")], LIMIT_MS)).output;

	await one.start();
	const said = [
		await one.say("pool", "create", "gold"),
		await one.say("volume", "create", "gold/web", "64M"),
		await one.say("volume", "import", "gold/base", image),
		await one.say("volume", "snapshot", "gold/base@v1"),
		await one.say("volume", "clone", "gold/base@v1", "gold/one"),
	];
	await one.tree.state("web", "open");
	await one.tree.state("one", "open");
	await two.start();
	const writer = await Writer.open("client");
	t.teardown(() => writer.close());

	t.test("all that a pool can", async (t) => {
		t.notMatch(said.join(""), /vblade:/);
		t.match(await isImage(one), /identical/);
		t.notMatch(await one.io("write -P 7 32M 1M", "flush", "read -P 7 32M 1M"), FAILED);
		t.match(await one.say("pool", "check", "gold"), /gold/);
		t.match(await one.say("pool", "scrub", "gold"), /gold/);
	});

	t.test("the owner is killed: the other one serves the clone, and what was written", async (t) => {
		writer.begin();
		await writer.more(20);
		await one.kill();
		await two.tree.state("one", "open");
		await two.tree.state("web", "open");
		await writer.more(20);
		t.match(await isImage(two), /identical/);
		t.notMatch(await two.io("read -P 7 32M 1M"), FAILED);
		t.strictSame(await writer.wrong(), []);
	});

	t.test("the other one stands still and wakes", async (t) => {
		await one.start();
		writer.begin();
		await writer.more(20);
		two.signal("SIGSTOP");
		await one.tree.state("web", "open");
		await writer.more(20);
		two.signal("SIGCONT");
		await two.told("pool-lost", /has the pool now/);
		await writer.more(20);
		t.strictSame(await writer.wrong(), []);
		t.match(await isImage(one), /identical/);
	});
}
