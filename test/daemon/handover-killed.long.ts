// A pool is handed over by one host to another again and again, and at any moment of that the owner, the heir, or both are killed: an initiator of AoE only waits,
// nothing is lost that was acknowledged, one of the two serves it in the end, and no epoch has two owners.
import t, { type Test } from "tap";
import { Random } from "../../lib/random.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Host, type HostOptions, layBridge, startServices } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

const ROUNDS = 8;
/** A handover takes less than a second, of which nobody is answered for some tenths. */
const LATEST_MS = 1_200;
const PAGES = 20;

t.setTimeout(60 * LIMIT_MS);

if (await inNamespace(import.meta.url, 60 * LIMIT_MS)) {
	await layBridge(["host1", "host2", "client"]);
	const random = new Random();
	t.comment(`seed ${random.seed}`);
	for (const stable of ["store", "host"] as const)
		await t.test(`stable = "${stable}"`, (t) => killThem(t, random, stable));
}

async function killThem(t: Test, random: Random, stable: NonNullable<HostOptions["stable"]>): Promise<void> {
	const services = await startServices(t);
	const hosts = [new Host("host1", services, { stable }), new Host("host2", services, { stable })] as const;
	t.teardown(() => Promise.all(hosts.map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	await hosts[0].start();
	await hosts[0].say("pool", "create", "gold");
	await hosts[0].say("volume", "create", "gold/web", "256M");
	await hosts[0].tree.state("web", "open");
	await hosts[1].start();
	const writer = await Writer.open("client");
	t.teardown(() => writer.close());
	const ends = new Map<string, number>();
	for (let round = 0; round < ROUNDS; round++) {
		await t.test(`round ${round}: one serves it, and the other one waits`, () => settled(hosts));
		const [owner, heir] = await inOrder(hosts);
		writer.begin();
		await writer.more(PAGES);
		const said = owner.say("pool", "handover", "gold");
		await new Promise((resolve) => setTimeout(resolve, random.below(LATEST_MS)));
		const victims = [[owner], [heir], [owner, heir]][Math.min(2, random.below(5) >> 1)] ?? [];
		await Promise.all(victims.map((each) => each.kill()));
		const names = victims.map((each) => (each === owner ? "owner" : "heir")).join(" and ");
		// (What only the killed one's host has is served when that is there again, or nobody is left.)
		const isAlone = stable === "store" && victims.length === 1;
		if (isAlone) await writer.more(PAGES);
		for (const victim of victims) await victim.start();
		await t.test(`round ${round}: the ${names} killed: it goes on`, () => writer.more(PAGES));
		t.strictSame(await writer.wrong(), [], `round ${round}: all that was acknowledged is there`);
		const end = /handed over/.test(await said) ? "done" : "not done";
		const key = `${names}, ${end}`;
		ends.set(key, (ends.get(key) ?? 0) + 1);
	}
	await settled(hosts);
	t.comment([...ends].map(([key, count]) => `${key}: ${count}`).join("; "));
	const taken = (await Promise.all(hosts.map((each) => each.events("pool-taken")))).flat();
	const epochs = taken.flatMap(({ message }) => /by epoch (\d+)/.exec(message)?.[1] ?? []);
	t.strictSame(
		epochs,
		[...new Set(epochs)],
		`${epochs.length} times it came to another host, by as many epochs`,
	);
}

/** The one that has the pool first. */
async function inOrder([one, two]: readonly [Host, Host]): Promise<readonly [Host, Host]> {
	return (await has(one)) ? [one, two] : [two, one];
}

async function has(host: Host): Promise<boolean> {
	return (await host.tree.ask("GET", "/api/v1/disks/web")).body.state === "open";
}

/** One of them serves the disk, and the other one waits for it. */
async function settled(hosts: readonly Host[]): Promise<void> {
	const states = async (): Promise<string> => {
		const all = await Promise.all(hosts.map((each) => each.tree.ask("GET", "/api/v1/disks/web")));
		return all
			.map(({ body }) => String(body.state))
			.sort()
			.join(" ");
	};
	await until(
		"one serves it, and the other one waits",
		async () => (await states()) === "open waiting",
		LIMIT_MS,
	);
}
