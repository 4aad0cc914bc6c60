// What a reload takes away is gone, whatever becomes of the worker meanwhile, and control goes on.
import t from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const netif = `unix:${tree.frames}`;
	const web = diskToml("web", `file = "${tree.file("web.img")}"`, "9.0", netif);
	const missing = diskToml("missing", `file = "${tree.path("no.img")}"`, "9.1", netif);
	const scratch = diskToml("scratch", 'memory = "1M"', "9.2", netif);
	tree.configure([web, missing, scratch].join("\n"));
	await tree.start();
	t.teardown(() => tree.stop());

	const names = async (): Promise<unknown[]> => {
		const { body } = await tree.ask("GET", "/api/v1/disks");
		return (body.disks as unknown as { name: string }[]).map(({ name }) => name).sort();
	};
	const are = (...wanted: string[]) =>
		until(wanted.join(), async () => String(await names().catch(() => [])) === String(wanted), LIMIT_MS);

	t.test("a disk that never could be opened", async (t) => {
		const control = await tree.pidOf("control");
		await tree.state("missing", "failed");
		await tree.program.waitFor(/error: disk missing: .*no\.img: there is no such file/, LIMIT_MS);
		tree.configure([web, scratch].join("\n"));
		await tree.ask("POST", "/api/v1/reload", {});
		await are("scratch", "web");
		t.equal(await tree.pidOf("control"), control, "control is the same");
		await tree.program.waitFor(/info: carried out: disk missing: removed/, LIMIT_MS);
	});

	t.test("a disk whose worker is killed at that moment", async (t) => {
		const control = await tree.pidOf("control");
		const worker = await tree.pidOf("worker");
		tree.configure(web);
		sendSignal(worker, "SIGSTOP");
		await tree.ask("POST", "/api/v1/reload", {});
		sendSignal(worker, "SIGKILL");
		await are("web");
		await tree.state("web", "open");
		t.equal(await tree.pidOf("control"), control, "control is the same");
		await tree.found(9, 0);
		const found = await (await tree.initiator()).discover();
		t.strictSame(
			found.map(({ slot }) => slot),
			[0],
			"nothing of it is served",
		);
	});
}
