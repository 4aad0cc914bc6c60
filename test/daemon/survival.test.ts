// What has to survive: who a disk is, and what an initiator has set on it, over each kind of restart and change.
import t from "tap";
import { formatMac } from "../../lib/wire/mac.js";
import { layCable } from "../link/cable.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { sendSignal } from "../support/process.js";
import { FarClient } from "./far-client.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	await layCable(9000);
	const tree = new DaemonTree();
	const file = tree.file("web.img");
	const other = tree.file("other.img");
	const configure = (more = "", others = "") =>
		tree.configure(diskToml("web", `file = "${file}"`, "9.0", "near", more) + others);
	configure();
	await tree.start();
	t.teardown(() => tree.stop());
	const client = new FarClient();
	t.teardown(() => client.close());
	const mac = formatMac(client.link.mac);
	const disk = await client.open(9, 0);
	await client.claim(disk, "rack 7");

	const seen = async () => {
		const { identity } = await tree.state("web", "open");
		const { serial } = await disk.identify();
		return { identity, serial, ...(await client.asSet(disk)) };
	};
	const before = await seen();
	t.match(before, { mask: [mac], reserved: [mac], configString: "rack 7" }, "as it was set");

	const killAll = async (): Promise<void> => {
		for (const { pid } of await tree.processes()) sendSignal(pid ?? 0, "SIGKILL");
		await tree.program.finished(LIMIT_MS);
		await tree.start();
	};
	const patch = (body: object) => tree.ask("PATCH", "/api/v1/disks/web", body, { "if-match": "*" });
	const wholeReload = async (): Promise<void> => {
		await tree.reload();
		await tree.nothingUnderWay();
	};

	const ordeals: Readonly<Record<string, () => Promise<unknown>>> = {
		"the worker is killed": () => tree.kill("worker"),
		"control is killed, and then the worker": async () => {
			await tree.kill("control");
			await tree.state("web", "open");
			await tree.kill("worker");
		},
		"all are killed": killAll,
		"it is stopped and started": async () => {
			await tree.stop();
			await tree.start();
		},
		"its limit is changed": () => patch({ limit: { iops: 100_000 } }),
		"and the worker is killed": () => tree.kill("worker"),
		"it is fenced and served again": async () => {
			await tree.ask("POST", "/api/v1/disks/web/fence", {});
			await tree.state("web", "fenced");
			await tree.ask("POST", "/api/v1/disks/web/unfence", {});
		},
		"another address, and back": async () => {
			tree.configure(diskToml("web", `file = "${file}"`, "9.7", "near"));
			await wholeReload();
			configure();
			await wholeReload();
		},
		"another disk comes and goes": async () => {
			configure("", diskToml("other", `file = "${other}"`, "9.1", "near"));
			await wholeReload();
			configure();
			await wholeReload();
		},
	};
	for (const [what, ordeal] of Object.entries(ordeals))
		t.test(what, async (t) => {
			await ordeal();
			t.strictSame(await seen(), before, "all is as it was");
		});

	t.test("the first reload of a control that is new takes the files as they are then", async (t) => {
		await tree.kill("control");
		await tree.state("web", "open");
		configure("", diskToml("other", `file = "${other}"`, "9.1", "near"));
		await wholeReload();
		t.equal((await tree.state("other", "open")).state, "open");
		configure();
		await wholeReload();
	});

	t.test("what the operator says anew is his", async (t) => {
		tree.configure(
			`${diskToml("web", `file = "${file}"`, "9.0", "near")}macs = ["${mac}", "02:00:00:00:00:77"]\nconfig_string = "mine"\n`,
		);
		await wholeReload();
		const now = await seen();
		const mask = ["02:00:00:00:00:77", mac].sort();
		t.match(now, { mask, reserved: [mac], configString: "mine" });
		await tree.kill("worker");
		t.strictSame(await seen(), now, "after a restart too");
	});
}
