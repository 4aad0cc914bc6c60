// A pool in an object store goes from one host to another and back while an initiator of AoE goes on writing: by an operator's word, in about the time of a retransmission.
// Nobody is handed to who does not wait.
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { Host, layBridge, startServices } from "./store-hosts.js";
import { Writer } from "./store-writer.js";

const FAILED = /fail|error/i;

t.setTimeout(3 * LIMIT_MS);

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2", "client"]);
	const services = await startServices(t);
	const [one, two] = [
		new Host("host1", services, { stable: "host" }),
		new Host("host2", services, { stable: "host" }),
	];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));

	await one.start();
	await one.say("pool", "create", "gold");
	await one.say("volume", "create", "gold/web", "256M");
	await one.tree.state("web", "open");

	t.test("who is alone keeps it", async (t) => {
		const command = [...vbladeCommand(), "pool", "handover", "gold", "--socket", one.tree.socket];
		const { code, output } = await run(command, LIMIT_MS);
		t.equal(code, 1);
		t.match(output, /no other host waits for it that could have it\n$/);
		t.equal(output.trim().split("\n").length, 1);
		t.notMatch(await one.io("write -P 9 255M 4k", "flush"), FAILED);
		await one.tree.state("web", "open");
	});

	t.test("it goes to who waits, and back", async (t) => {
		await two.start();
		const writer = await Writer.open("client");
		t.teardown(() => writer.close());
		await two.tree.state("web", "waiting");
		writer.begin();
		for (const [from, to] of [
			[one, two],
			[two, one],
			[one, two],
		] as const) {
			await from.tree.state("web", "open");
			await writer.more(20);
			writer.takePauseMs();
			const said = await from.say("pool", "handover", "gold");
			t.match(
				said,
				/^pool gold: handed over, .* has it now, by epoch \d+; nobody was answered for \d+\.\d\d s\n$/,
			);
			await to.tree.state("web", "open");
			await writer.more(20);
			const ats = [
				...(await from.events("pool-handed-over")).slice(-1),
				...(await to.events("pool-taken")).slice(-1),
				...(await to.events("disk-opened")).slice(-1),
			];
			t.comment(ats.map(({ at, kind }) => `${kind} ${at}`).join(" "));
			t.comment(`the longest pause of an initiator of AoE, by a handover: ${writer.takePauseMs()} ms`);
			await to.told("pool-taken", /handed over by .*, by epoch [0-9]+/);
			await from.told("pool-handed-over", /has the pool now, by epoch [0-9]+; it is closed here, and waits/);
			t.strictSame(await from.events("pool-lost"), [], "what was wanted is no warning");
			t.notMatch(await to.io("read -P 9 255M 4k", "read -P 1 0 4k"), FAILED);
			await from.tree.state("web", "waiting");
		}
		t.comment(`${writer.next} pages`);
		t.strictSame(await writer.wrong(), []);
	});
}
