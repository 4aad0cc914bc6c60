// A pool that both hosts serve is configured in another way on the one that has it, while the other one's clients use it.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import t from "tap";
import { LOOK_MS } from "../../lib/pool/store/pull.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Host, layBridge, startServices } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

t.setTimeout(4 * LIMIT_MS);
/** Nothing that was asked for before moves the pool any more. */
const QUIET_MS = 2_000;

/** Has it served with that in place of its configuration; says what that was. */
async function reconfigured({ tree }: Host, change: (text: string) => string): Promise<string> {
	const file = tree.path("vblade.toml");
	const before = readFileSync(file, "utf8");
	writeFileSync(tree.path("changed.toml"), change(before));
	renameSync(tree.path("changed.toml"), file);
	await tree.reload();
	return before;
}

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2"]);
	const services = await startServices(t);
	const host = (netif: string, partner: string): Host =>
		new Host(netif, services, { stable: "store", partner, disks: ["web", "logs"] });
	const [one, two] = [host("host1", "127.0.0.1:9473"), host("host2", "127.0.0.1:9474")];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	await one.start();
	await one.say("pool", "create", "gold");
	for (const name of ["web", "logs"]) await one.say("volume", "create", `gold/${name}`, "64M");
	await one.tree.state("web", "open");
	await two.start();
	await two.tree.state("logs", "open");
	const own = await Writer.openNbd(one, "web");
	const theirs = await Writer.openNbd(two, "logs");
	t.teardown(() => Promise.all([own, theirs].map((each) => each.close())));
	own.begin(() => {});
	await own.more(10);
	// (By what it asks for it uses the pool, and never draws it away: it would be the other host's when the files of this one change.)
	theirs.begin(undefined, LOOK_MS);
	await theirs.more(10);
	const isOwner = async (host: Host): Promise<boolean> => !/is owned by/.test(await host.say("pool", "ls"));
	let before = "";

	t.test("it has the pool alone as soon as the files say so, whoever uses it", async (t) => {
		// (It may have gone to the one that was used more.)
		if (!(await isOwner(one))) await two.say("pool", "handover", "gold");
		await until("the first host has it", () => isOwner(one), LIMIT_MS);
		before = await reconfigured(one, (text) => text.replace(/^serve = .*\nlisten = .*\n/m, ""));
		await one.told("configuration", /pool\.gold\.serve both -> unset/);
		await one.tree.state("web", "open");
		await two.told("pool-waits", /is owned by/);
		const writer = await Writer.openNbd(one, "web", 4096);
		t.teardown(() => writer.close());
		writer.begin();
		await writer.more(20);
		t.strictSame(await writer.wrong(), []);
	});

	t.test("and both have it again: the other one's clients go on", async (t) => {
		await reconfigured(one, () => before);
		await one.told("configuration", /pool\.gold\.serve unset -> both/);
		const { next } = theirs;
		await theirs.more(20);
		t.comment(`${next} pages before, ${theirs.next} after`);
		t.strictSame(await theirs.wrong(), []);
	});

	t.test("one that is configured no more goes to the other host, which uses it", async (t) => {
		for (const writer of [own, theirs]) await writer.close();
		// (It may have been about to go to the one that was used more.)
		await new Promise((resolve) => setTimeout(resolve, QUIET_MS));
		const [owner, other] = (await isOwner(one)) ? [one, two] : [two, one];
		await reconfigured(owner, (text) => text.replace(/^\[pool\.gold\][\s\S]*$/m, ""));
		await until("it is there", () => isOwner(other), LIMIT_MS);
		t.notMatch(await other.io("write -P 7 0 64k", "flush", "read -P 7 0 64k"), /fail|error/i);
		t.match(await other.say("pool", "ls"), /^gold +2 /m);
	});
}
