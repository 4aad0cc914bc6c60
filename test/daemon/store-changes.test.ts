// What volumes and snapshots there are is known to the object store when a command that has changed that is answered, though writes are only brought there later: a host that is gone a
// moment after takes none of it along. A store that is away keeps nobody from changing something, and the command says that its host alone has that.
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { Host, layBridge, startServices } from "./store-hosts.js";

const FAILED = /fail|error/i;
const ALONE = /^vblade: note: it is done on this host alone: the object store does not have it yet/m;

t.setTimeout(4 * LIMIT_MS);

if (await inNamespace(import.meta.url, 4 * LIMIT_MS)) {
	await layBridge(["one", "two"]);
	const services = await startServices(t);
	const { s3 } = services.standIns;
	const [one, two] = ["one", "two"].map((netif) => new Host(netif, services, { stable: "host" })) as [
		Host,
		Host,
	];
	t.teardown(() => Promise.all([one, two].map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
	const done = async (host: Host, ...words: string[]): Promise<string> => {
		const { code, output } = await run(
			[...vbladeCommand(), ...words, "--socket", host.tree.socket],
			LIMIT_MS,
		);
		t.equal(code, 0, `${words.join(" ")}: ${output}`);
		return output;
	};
	/** On its host alone, whatever is brought to the store beside. */
	const written = async (host: Host): Promise<void> => {
		t.notMatch(await host.io("write -P 2 1M 1M", "flush"), FAILED);
	};

	await one.start();
	await one.say("pool", "create", "gold");
	for (const name of ["web", "gone", "old"]) await one.say("volume", "create", `gold/${name}`, "64M");
	await one.tree.state("web", "open");
	t.notMatch(await one.io("write -P 1 0 1M", "flush"), FAILED);

	t.test("what was changed a moment before the host was lost is there on another one", async (t) => {
		for (const words of [
			["create", "gold/made", "32M"],
			["snapshot", "gold/web@first"],
			["clone", "gold/web@first", "copy"],
			["rename", "gold/old", "new"],
			["rm", "--force", "gold/gone"],
		])
			t.notMatch(await done(one, "volume", ...words), ALONE);
		await written(one);
		await one.kill();
		await two.start();
		await two.tree.problem(/pool gold: store:gold: up to [0-9]+ bytes .* are only on that host/);
		await done(two, "pool", "takeover", "gold", "--lose", "1G");
		const listed = await done(two, "volume", "ls", "gold");
		t.strictSame([...listed.matchAll(/^gold\/([a-z]+) /gm)].map(([, name]) => name).sort(), [
			...["copy", "made", "new", "web"],
		]);
		t.match(await done(two, "volume", "show", "gold/web"), /^snapshot +first /m);
		await two.tree.state("web", "open");
		t.notMatch(await two.io("read -P 1 0 1M"), FAILED);
	});

	t.test("while the store is away a change is done here, and it is said that it is here alone", async (t) => {
		s3.mishap = () => ({ status: 503 });
		await written(two);
		for (const words of [
			["create", "gold/late", "32M"],
			["snapshot", "gold/web@second"],
			["hold", "gold/web@second"],
		])
			t.match(await done(two, "volume", ...words), ALONE, words.join(" "));
		t.match(await done(two, "volume", "rm", "--force", "gold/late"), ALONE, "rm");
		s3.mishap = () => undefined;
		await two.told("pool-store", /its object store answers/);
		t.notMatch(await done(two, "volume", "create", "gold/later", "32M"), ALONE);
	});
}
