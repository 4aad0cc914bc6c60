// What commands had added can't be understood any more: what root's files name is served all the same, and the operator is told.
import { readFileSync, writeFileSync } from "node:fs";
import t from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	const tree = new DaemonTree();
	const netif = `unix:${tree.frames}`;
	tree.configure(diskToml("web", `file = "${tree.file("web.img")}"`, "9.0", netif));
	await tree.start();
	t.teardown(() => tree.stop());
	for (const [what, text] of [
		["no TOML", "{\n"],
		["a key that there is not", "[disk.a]\nnosuch = 1\n"],
	] as const)
		t.test(what, async (t) => {
			await tree.stop();
			writeFileSync(tree.path("state/runtime.toml"), text);
			await tree.start();
			await tree.state("web", "open");
			await tree.problem(/runtime\.toml:\d+:\d+: /);
			await tree.program.waitFor(/runtime\.toml:\d+:\d+: /, LIMIT_MS);
			const added = await tree.ask("POST", "/api/v1/disks", {
				name: "more",
				memory: "1M",
				aoe: { address: "9.1", netif: [netif] },
			});
			t.ok(added.status >= 400 && added.status < 500, `nothing is added: ${added.status}`);
			await tree.ask("POST", "/api/v1/reload", {});
			await tree.state("web", "open");
			t.equal(readFileSync(tree.path("state/runtime.toml"), "utf8"), text, "and nothing is lost of it");
		});
}
