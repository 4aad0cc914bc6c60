// What initiators set on a disk that is a volume of a pool goes with the pool: over restarts, to another daemon, on a disk of another name; and what an
// older version has kept of it elsewhere is taken over once.
import { readFileSync, renameSync, writeFileSync } from "node:fs";
import t from "tap";
import { poolCreateCommand } from "../../lib/cli/pools/pool.js";
import { volumeCreateCommand } from "../../lib/cli/pools/volume.js";
import { volumeCloneCommand, volumeSnapshotCommand } from "../../lib/cli/pools/volume-changes.js";
import { formatMac } from "../../lib/wire/mac.js";
import { layCable } from "../link/cable.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { told } from "../support/pools.js";
import { FarClient } from "./far-client.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	await layCable(9000);
	const [first, second] = [new DaemonTree(), new DaemonTree()];
	t.teardown(() => Promise.all([first, second].map(({ program }) => program?.stop("SIGKILL", LIMIT_MS))));
	const client = new FarClient();
	t.teardown(() => client.close());
	const mac = formatMac(client.link.mac);
	const theirs = { mask: [mac], reserved: [mac], configString: "rack 7" };
	const none = { mask: [], reserved: [], configString: "" };

	const pool = first.path("pool");
	await told(poolCreateCommand, pool);
	await told(volumeCreateCommand, `${pool}/web`, "16M");
	const configure = (tree: DaemonTree, folder: string, disk: string, volume = "web", more = "") =>
		tree.configure(
			`[pool.fast]\npath = "${folder}"\n${diskToml(disk, `volume = "fast/${volume}"`, "9.0", "near")}${more}`,
		);
	const seen = async (tree: DaemonTree, disk: string) => {
		await tree.state(disk, "open");
		return client.asSet(await client.open(9, 0));
	};

	t.test("it is in the pool, and nowhere else", async (t) => {
		configure(first, pool, "web");
		await first.start();
		await client.claim(await client.open(9, 0), "rack 7");
		t.strictSame(await seen(first, "web"), theirs);
		await first.kill("worker");
		t.strictSame(await seen(first, "web"), theirs, "a worker that is new has it");
		await first.ask("POST", "/api/v1/disks/web/fence", {});
		await first.state("web", "fenced");
		await first.ask("POST", "/api/v1/disks/web/unfence", {});
		t.strictSame(await seen(first, "web"), theirs, "served again, too");
		t.notOk(Object.keys((first.kept().disks.web?.set as object | undefined) ?? {}).length);
	});

	t.test("the pool goes to another daemon, and its disk has another name there", async (t) => {
		await first.stop();
		const moved = second.path("moved");
		renameSync(pool, moved);
		configure(second, moved, "mail");
		await second.start();
		t.strictSame(await seen(second, "mail"), theirs);
		await second.stop();
		await told(volumeSnapshotCommand, `${moved}/web@now`);
		await told(volumeCloneCommand, `${moved}/web@now`, `${moved}/copy`);
		configure(second, moved, "mail", "copy");
		await second.start();
		t.strictSame(await seen(second, "mail"), none, "a clone is another disk");
	});

	t.test("what is configured anew goes before it, also after it is taken back", async (t) => {
		const reload = async (more: string): Promise<void> => {
			configure(second, second.path("moved"), "mail", "web", more);
			await second.reload();
			await second.nothingUnderWay();
		};
		await reload("");
		t.strictSame(await seen(second, "mail"), theirs);
		await reload(`config_string = "mine"\nmacs = ["${mac}", "02:00:00:00:00:77"]\n`);
		const ours = { ...theirs, mask: ["02:00:00:00:00:77", mac].sort(), configString: "mine" };
		t.strictSame(await seen(second, "mail"), ours);
		await second.kill("worker");
		t.strictSame(await seen(second, "mail"), ours);
		await reload("");
		t.match(await seen(second, "mail"), { mask: [], reserved: [mac] });
	});

	t.test("what an older version has kept in the state is taken over, once", async (t) => {
		await second.stop();
		const file = second.path("state/disks.json");
		const state = JSON.parse(readFileSync(file, "utf8"));
		const set = (reserved: number[]) => ({
			old: { macs: null, configString: null, access: { mask: [], reserved, configString: "old" } },
		});
		state.disks.old = { ...state.disks.mail, set: set([client.link.mac]) };
		writeFileSync(file, JSON.stringify(state));
		configure(second, second.path("moved"), "old", "copy");
		await second.start();
		const taken = { ...none, reserved: [mac], configString: "old" };
		t.strictSame(await seen(second, "old"), taken);
		const isGone = (): boolean => Object.keys((second.kept().disks.old?.set as object) ?? {}).length === 0;
		await until("the state has it no more", isGone, LIMIT_MS);
		await second.stop();
		state.disks.old = { ...state.disks.old, set: set([0x020000000099]) };
		writeFileSync(file, JSON.stringify(state));
		await second.start();
		t.strictSame(await seen(second, "old"), taken, "what the pool has goes before");
		await until("the state has it no more", isGone, LIMIT_MS);
	});
}
