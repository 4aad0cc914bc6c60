// A replica that is only asked about, again and again, while newer cuts come: whoever asks is answered, and sees what has come. What an answer keeps open for the
// next one made that wait for a minute.
import { execFileSync } from "node:child_process";
import t from "tap";
import { StandInEtcd } from "../object/stand-in-etcd.js";
import { StandInS3 } from "../object/stand-in-s3.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { copyOf, inCellar, nbd, ReplicaHost } from "./replica-hosts.js";

const FAILED = /fail|error/i;
const USED = /^ *used +(\S+)/m;

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const [near, far, etcd] = [new StandInS3(), new StandInS3(), new StandInEtcd()];
	const [at, endpoint, head] = [await near.start(), await far.start(), await etcd.start()];
	t.teardown(() => Promise.all([near, far, etcd].map((each) => each.stop())));
	const host = (tables: (host: ReplicaHost) => string): ReplicaHost => {
		const made = new ReplicaHost(endpoint, () => "");
		made.serveAll(tables(made));
		t.teardown(() => made.tree.program?.stop("SIGKILL", LIMIT_MS));
		return made;
	};
	const one = host(({ tree }) => `${inCellar(tree, { at, head })}${nbd("web", "gold/web")}`);
	const two = host(({ tree }) => copyOf("gold", tree));

	t.test("there is a replica, and it is asked about", async (t) => {
		await one.tree.start();
		await one.say("pool", "create", "gold");
		await one.say("volume", "create", "gold/web", "64M");
		await one.tree.state("web", "open");
		t.notMatch(await one.io("write -P 1 0 1M", "flush"), FAILED);
		await one.says(/lacks nothing/, "pool", "show", "gold");
		await two.tree.start();
		t.match(await two.says(USED, "pool", "show", "gold-copy"), USED);
	});

	t.test("what comes then is seen, and nobody is left without an answer", async (t) => {
		const shown = async (): Promise<string> => {
			const said = await two.say("pool", "show", "gold-copy");
			t.notMatch(said, /no answer/);
			return USED.exec(said)?.[1] ?? said;
		};
		const before = await shown();
		t.notMatch(await one.io("write -P 2 16M 32M", "flush"), FAILED);
		const endMs = Date.now() + LIMIT_MS;
		let now = before;
		while (now === before && Date.now() < endMs) now = await shown();
		t.not(now, before);
	});

	t.test("what is compared again and again, without a pause, is as it is there before long", async (t) => {
		t.notMatch(await one.say("volume", "snapshot", "gold/web@monday"), FAILED);
		const differing = (): Promise<string> => two.say("volume", "diff", "gold-copy/web@monday");
		await two.says(/monday/, "volume", "history", "gold-copy/web");
		const before = await differing();
		t.equal(before, "", "nothing was written since");
		t.notMatch(await one.io("write -P 3 1M 64k", "flush"), FAILED);
		const endMs = Date.now() + LIMIT_MS;
		let now = before;
		while (now === before && Date.now() < endMs) now = await differing();
		t.match(now, /^1048576 65536 data$/m);
	});
}
