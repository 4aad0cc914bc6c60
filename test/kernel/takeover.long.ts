/**
 * What `takeover.test.ts` does in short: hosts that are killed and stand still in turn, in real Swift with etcd, with more data in requests of several sizes; and with
 * Debian's kernel.
 */

import { execFileSync } from "node:child_process";
import t from "tap";
import { servicesMissing, startSwift } from "../daemon/real-services.js";
import { layBridge, startServices } from "../daemon/store-hosts.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { debianMissing } from "../support/qemu.js";
import { umlMissing } from "../support/uml.js";
import { DEBIAN_PROGRAMS, debian, type TakeoverCase, takeover } from "./takeover-cases.js";

t.setTimeout(3_600_000);
const noKernel = umlMissing("/usr/bin/fio", "/usr/sbin/iscsid", "/sbin/dmsetup") ?? false;
const CASE: Omit<TakeoverCase, "over" | "connections" | "services"> = {
	...{ ends: ["killed", "stopped", "stopped", "killed", "stopped", "killed"], lifeMs: 3000 },
	...{ jobs: ["4k:1", "4k:16", "64k:4"], megabytes: 4, rate: 1000, limitMs: 900_000 },
};

/** For a machine in QEMU. */
function addTap(): void {
	for (const command of ["tuntap add tap0 mode tap", "link set tap0 mtu 9000 master bridge0 up"])
		execFileSync("ip", command.split(" "), { timeout: LIMIT_MS });
}

if (await inNamespace(import.meta.url, 3_600_000)) {
	await layBridge(["host1", "host2", "client"]);
	addTap();
	for (const over of ["aoe", "nbd", "iscsi"] as const)
		for (const connections of over === "nbd" ? [1, 4] : [1])
			t.test(
				`an ext4 over ${over}, ${connections} connections, in real Swift`,
				{ skip: noKernel || servicesMissing() },
				async (t) => takeover(t, { ...CASE, over, connections, services: await startSwift(t) }),
			);

	t.test(
		"an ext4 of Debian's kernel over AoE",
		{ skip: debianMissing(...DEBIAN_PROGRAMS) ?? false },
		async (t) =>
			takeover(t, {
				...{ ...CASE, over: "aoe", connections: 1, services: await startServices(t), guest: debian },
			}),
	);
}
