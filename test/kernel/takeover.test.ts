/** A Linux kernel that goes on over AoE when the host of its disk is killed and another one takes over. In short; `takeover.long.ts` goes on for longer, over NBD too, and with hosts that stand still. */

import t from "tap";
import { layBridge, startServices } from "../daemon/store-hosts.js";
import { inNamespace } from "../support/in-namespace.js";
import { GUEST_LIMIT_MS } from "../support/limit.js";
import { umlMissing } from "../support/uml.js";
import { takeover } from "./takeover-cases.js";

t.setTimeout(230_000);
const skip = umlMissing("/usr/bin/fio") ?? false;

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2", "client"]);
	t.test("an ext4 over AoE outlives that the host of its disk is killed", { skip }, async (t) =>
		takeover(t, {
			...{ over: "aoe", ends: ["killed"], services: await startServices(t), connections: 1, lifeMs: 1000 },
			...{ jobs: ["4k:8"], megabytes: 1, rate: 500, limitMs: GUEST_LIMIT_MS },
		}),
	);
}
