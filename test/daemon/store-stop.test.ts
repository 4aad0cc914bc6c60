// A host that is stopped in good order leaves nothing of a pool in an object store to itself: neither what was written last, nor that of which its disks have
// nothing, nor what is more than can be brought there in the time that disks have to end. Another host has all of it, and loses nothing.
import { randomBytes } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Host, layBridge, startServices } from "./store-hosts.js";

const BYTES = 48 * 1024 * 1024;

t.setTimeout(4 * LIMIT_MS);

if (await inNamespace(import.meta.url)) {
	await layBridge([]);
	const services = await startServices(t);
	const [one, two] = ["one", "two"].map(
		(name) => new Host(name, services, { stable: "host", disks: [] }),
	) as [Host, Host];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	const image = one.tree.path("image");
	writeFileSync(image, randomBytes(BYTES));

	t.test("there is nothing in it", async (t) => {
		// (And nothing is stored of the file that the log goes on in.)
		await one.start();
		await one.say("pool", "create", "gold");
		await one.tree.stop();
		await two.start();
		t.notMatch(await two.say("volume", "ls", "gold"), /vblade/);
		await two.tree.stop();
	});

	t.test("no disk is on it, and all of it was only on the host", async (t) => {
		await one.start();
		t.match(await one.say("volume", "import", "gold/web", image), /gold\/web/);
		await one.tree.stop();
		await two.start();
		t.match(await two.say("volume", "ls", "gold"), /web/);
		const copy = two.tree.path("copy");
		await two.say("volume", "export", "gold/web", copy);
		t.ok(readFileSync(copy).equals(readFileSync(image)), "what was imported");
	});

	t.test("a store and a head that say nothing any more don't keep it", async (t) => {
		await two.say("volume", "create", "gold/lost", "64M");
		const { s3, etcd } = services.standIns;
		for (const each of [s3, etcd]) each.mishap = () => "handled";
		const { code } = await two.tree.stop();
		t.equal(code === 0 || code === 1, true, "it ends by itself");
		for (const each of [s3, etcd]) each.mishap = () => undefined;
		await two.start();
		t.match(await two.say("volume", "ls", "gold"), /lost/, "and goes on with all that it had acknowledged");
	});

	t.test("and back, with what was written meanwhile", async (t) => {
		await two.say("volume", "create", "gold/mail", "64M");
		await two.tree.stop();
		await one.start();
		t.match(await one.say("volume", "ls", "gold"), /mail/);
	});
}
