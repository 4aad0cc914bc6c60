// What happens to one disk, or is done with it, while others are at work: they notice nothing. None of their frames is lost.
import { writeFileSync } from "node:fs";
import t, { type Test } from "tap";
import type { InitiatorList, LinkList } from "../../lib/control/model.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { layCable } from "../link/cable.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { FarClient, Load } from "./far-client.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

const DISKS = 200;
const BUSY = 32;
const FILE_BYTES = 64 * SECTOR_BYTES;
/** Rounds of the others before it begins, and after it has ended. */
const ROUNDS = 3;

if (await inNamespace(import.meta.url)) {
	await layCable(1500);
	const tree = new DaemonTree();
	const files = Array.from({ length: DISKS }, (_, slot) => tree.file(`${slot}.img`, FILE_BYTES));
	const many = files
		.map((file, slot) => diskToml(`d${slot}`, `file = "${file}"`, `9.${slot}`, "near"))
		.join("");
	const configure = (more = "") => tree.configure(many + more);
	configure();
	await tree.start();
	t.teardown(() => tree.stop());
	const client = new FarClient();
	t.teardown(() => client.close());
	await until(
		"how fast the cable is, which the kernel knows",
		async () => {
			const { links } = (await tree.ask("GET", "/api/v1/links")).body as unknown as LinkList;
			return (links[0]?.speedBitsPerSecond ?? 0) > 0;
		},
		LIMIT_MS,
	);
	const disks = await Promise.all(files.slice(0, BUSY).map((_, slot) => client.open(9, slot)));
	const reload = async (text: string): Promise<void> => {
		configure(text);
		t.ok(await tree.reload(), "it is read again");
		await tree.nothingUnderWay();
	};
	const change = async (method: string, resource: string, body?: object): Promise<void> => {
		const { status, body: said } = await tree.ask(method, `/api/v1/disks${resource}`, body, {
			"if-match": "*",
		});
		t.ok(
			status === 200 || status === 202,
			`${method} ${resource}: ${status} ${status < 300 ? "" : JSON.stringify(said)}`,
		);
		await tree.nothingUnderWay();
		const { jobs } = (await tree.ask("GET", "/api/v1/jobs")).body as unknown as {
			jobs: { errors: string[] }[];
		};
		t.strictSame(jobs[0]?.errors, [], "without an error");
	};

	/** Does it while disks are at work, and has a look at what became of their frames. */
	const unnoticed = (what: string, act: (t: Test) => Promise<unknown>): void =>
		void t.test(what, async (t) => {
			const load = new Load(disks);
			await load.rounds(ROUNDS);
			await act(t);
			await load.rounds(ROUNDS);
			t.ok(
				(await load.stop()).every((rounds) => rounds >= 2 * ROUNDS),
				"all were at work",
			);
			await client.allAnswered();
			t.pass("each frame was answered, once");
		});

	unnoticed("a reload that adds one disk of many", async (t) => {
		await reload(diskToml("late", 'memory = "1M"', "10.0", "near"));
		t.equal((await tree.state("late", "open")).state, "open");
		await (await client.open(10, 0)).write(0, new Uint8Array(SECTOR_BYTES));
		await reload("");
	});

	unnoticed("one is added, changed, fenced, served again and removed", async (t) => {
		const aoe = { address: "10.1", netif: ["near"] };
		await change("POST", "", { name: "mine", memory: "1M", aoe });
		const mine = await client.open(10, 1);
		await mine.write(0, new Uint8Array(SECTOR_BYTES).fill(7));
		// Each is asked once: what was acknowledged is seen, a look does not have to come by.
		const shown = async () => (await tree.ask("GET", "/api/v1/disks/mine")).body;
		t.match(await shown(), { state: "open", sizeBytes: 1_048_576, aoe: { address: "10.1", macs: null } });
		await change("PATCH", "/mine", { aoe: { macs: [] } });
		t.match(await shown(), { aoe: { macs: [] } });
		await change("PATCH", "/mine", { aoe: { macs: null } });
		t.match(await shown(), { aoe: { macs: null } });
		await change("PATCH", "/mine", { limit: { iops: 1_000_000 } });
		t.match((await tree.state("mine", "open")).limit, { iops: 1_000_000 });
		const users = async () => {
			const { body } = await tree.ask("GET", "/api/v1/initiators?disk=mine");
			return (body as unknown as InitiatorList).initiators;
		};
		/** What was done is known from the next look on. */
		const counted = (what: "reads" | "writes") =>
			until(what, async () => (await users()).some(({ counters }) => counters[what] > 0), LIMIT_MS);
		await counted("writes");
		await change("POST", "/mine/fence", {});
		t.match(await shown(), { state: "fenced", aoe: null });
		await change("POST", "/mine/unfence", {});
		t.match(await shown(), { state: "open", aoe: { address: "10.1" } });
		t.strictSame([...(await mine.read(0, 1))], Array(SECTOR_BYTES).fill(7), "its bytes are there");
		await counted("reads");
		await change("PATCH", "/mine", { read_only: true });
		t.match(
			await users(),
			[{ counters: { reads: 1, writes: 1 } }],
			"who used it before it was closed and opened",
		);
		await change("DELETE", "/mine");
		await until("who used it is forgotten with it", async () => (await users()).length === 0, LIMIT_MS);
	});

	unnoticed("a disk whose file is missing fails alone, and comes up when it is there", async (t) => {
		const file = tree.path("later.img");
		await reload(diskToml("later", `file = "${file}"`, "10.2", "near"));
		const { reason } = await tree.state("later", "failed");
		t.match(reason, /later\.img.*(ENOENT|no such file)/i);
		writeFileSync(file, new Uint8Array(FILE_BYTES));
		await tree.state("later", "open");
		t.equal((await client.open(10, 2)).sectorCount, FILE_BYTES / SECTOR_BYTES);
		await reload("");
	});

	unnoticed("two disks change places in one reload", async (t) => {
		const [one, other] = [tree.file("one.img"), tree.file("other.img", 2 * FILE_BYTES)];
		const at = (first: string, second: string) =>
			diskToml("one", `file = "${one}"`, first, "near") +
			diskToml("other", `file = "${other}"`, second, "near");
		await reload(at("11.0", "11.1"));
		const disk = await client.open(11, 0);
		const serials = [disk.identity.serial, (await client.open(11, 1)).identity.serial];
		await disk.write(5, new Uint8Array(SECTOR_BYTES).fill(5));
		await reload(at("11.1", "11.0"));
		const swapped = [await client.open(11, 1), await client.open(11, 0)];
		t.strictSame(
			swapped.map(({ identity }) => identity.serial),
			serials,
			"each is who it was",
		);
		t.equal((await swapped[0]!.read(5, 1))[0], 5, "with what it had");
		await reload("");
	});

	unnoticed("a disk in memory that is served elsewhere keeps what it has", async (t) => {
		await reload(diskToml("ram", 'memory = "1M"', "12.0", "near"));
		await (await client.open(12, 0)).write(9, new Uint8Array(SECTOR_BYTES).fill(9));
		await reload(diskToml("ram", 'memory = "1M"', "12.5", "near"));
		t.equal((await (await client.open(12, 5)).read(9, 1))[0], 9);
		await reload("");
	});

	t.test("what is not good changes nothing", async (t) => {
		const before = (await tree.ask("GET", "/api/v1/disks?limit=1000")).body;
		await reload("[disk.bad]\nnonsense = 1\n");
		const after = (await tree.ask("GET", "/api/v1/disks?limit=1000")).body;
		t.equal(after.total, before.total);
		await tree.problem(/nonsense/);
		await reload("");
	});
}
