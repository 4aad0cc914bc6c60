// A pool that two hosts serve goes to and fro, and its owner stands still, while clients of both write: nothing is lost, nobody has it at the same time as another
// one, and nothing is left behind on either host.
import { readdirSync } from "node:fs";
import t from "tap";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Host, layBridge, startServices } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

const MOVES = 50;
/** Until all that is made once is there. */
const MOVES_FIRST = 6;
const STOPS_MS = [1_000, 5_000, 20_000, 7_000];
const ROUND_PAGES = 1024;

t.setTimeout(20 * LIMIT_MS);

/** Of all processes, as what is open without the pool differs: of one that has it, and of one that has not. */
async function descriptors(hosts: readonly Host[]): Promise<number> {
	const processes = (await Promise.all(hosts.map(({ tree }) => tree.processes()))).flat();
	return processes.reduce(
		(sum, { pid }) => sum + (pid === null ? 0 : readdirSync(`/proc/${pid}/fd`).length),
		0,
	);
}

if (await inNamespace(import.meta.url, 20 * LIMIT_MS)) {
	await layBridge(["host1", "host2"]);
	const services = await startServices(t);
	const host = (netif: string, partner: string): Host =>
		new Host(netif, services, { stable: "store", partner, disks: ["web", "logs"] });
	const hosts = [host("host1", "127.0.0.1:9473"), host("host2", "127.0.0.1:9474")] as const;
	t.teardown(async () => {
		for (const each of hosts) each.signal("SIGCONT");
		await Promise.all(hosts.map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS)));
	});
	const [one, two] = hosts;
	await one.start();
	await one.say("pool", "create", "gold");
	for (const name of ["web", "logs"]) await one.say("volume", "create", `gold/${name}`, "64M");
	await two.start();
	for (const each of hosts) for (const disk of ["web", "logs"]) await each.tree.state(disk, "open");

	const ownersNow = async (): Promise<readonly Host[]> => {
		const lines = await Promise.all(hosts.map((each) => each.say("pool", "ls")));
		return hosts.filter((_, at) => !/is owned by|can't be|has not answered/.test(lines[at] ?? ""));
	};
	const owner = async (): Promise<readonly [Host, Host]> => {
		let owners: readonly Host[] = [];
		const isOne = async (): Promise<boolean> => {
			owners = await ownersNow();
			return owners.length === 1;
		};
		await until("one of them has it", isOne, LIMIT_MS);
		return owners[0] === one ? [one, two] : [two, one];
	};

	t.test("fifty moves", async (t) => {
		const writers = [await Writer.openNbd(one, "web"), await Writer.openNbd(two, "logs")];
		t.teardown(() => Promise.all(writers.map((each) => each.close())));
		for (const each of writers) each.begin();
		let before = 0;
		for (let move = 0; move < MOVES; move++) {
			if (move === MOVES_FIRST) before = await descriptors(hosts);
			const [from] = await owner();
			const said = await from.say("pool", "handover", "gold");
			if (!/handed over/.test(said)) t.comment(`move ${move}: ${said}`);
			await Promise.all(writers.map((each) => each.more(3)));
		}
		const after = await descriptors(hosts);
		t.comment(`the longest pauses ${writers.map((each) => each.takePauseMs()).join(" and ")} ms`);
		t.ok(after - before < MOVES - MOVES_FIRST, `${before} descriptors before, ${after} after`);
		for (const each of writers) t.strictSame(await each.wrong(), []);
	});

	t.test("an owner that stands still", async (t) => {
		for (const [round, stopMs] of STOPS_MS.entries()) {
			const [from, other] = await owner();
			for (const each of hosts) for (const disk of ["web", "logs"]) await each.tree.state(disk, "open");
			const first = (round + 1) * ROUND_PAGES;
			const [own, theirs] = [
				await Writer.openNbd(from, "web", first),
				await Writer.openNbd(other, "logs", first),
			];
			own.begin(() => {});
			theirs.begin();
			await Promise.all([own, theirs].map((each) => each.more(5)));
			theirs.takePauseMs();
			from.signal("SIGSTOP");
			await pause(stopMs);
			from.signal("SIGCONT");
			await theirs.more(20);
			t.comment(`stopped for ${stopMs} ms: a client of the other one paused for ${theirs.takePauseMs()} ms`);
			const pages = own.next;
			t.strictSame(await theirs.wrong(), []);
			await Promise.all([own, theirs].map((each) => each.close()));
			await other.tree.state("web", "open");
			const reader = await Writer.openNbd(other, "web", first);
			reader.next = pages;
			t.strictSame(await reader.wrong(), [], `what the client of that one has written, ${pages} pages`);
			await reader.close();
		}
	});
}
