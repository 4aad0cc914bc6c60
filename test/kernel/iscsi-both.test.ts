/** The kernel's initiator with two paths to a disk, by two hosts that serve its pool at the same time: sg3-utils reserve and write by either. */

import { execFileSync } from "node:child_process";
import t from "tap";
import { Host, layBridge, startBoth, startServices } from "../daemon/store-hosts.js";
import { inNamespace } from "../support/in-namespace.js";
import { GUEST_LIMIT_MS, LIMIT_MS } from "../support/limit.js";
import { programsMissing } from "../support/programs.js";
import { runGuest, umlMissing } from "../support/uml.js";

const SITE = "10.9.0.2";
const SERVERS = ["10.9.0.1", "10.9.0.3"] as const;
const PORT = 3260;
const TARGET = "iqn.2026-11.org.example:web";
const MTU = 9000;

t.setTimeout(GUEST_LIMIT_MS + 2 * LIMIT_MS);
const skip = umlMissing("/usr/sbin/iscsid") ?? programsMissing("iscsiadm", "sg_persist") ?? false;

if (await inNamespace(import.meta.url)) {
	await layBridge(["host1", "host2", "client"]);
	t.test("both hosts are paths on which all can be done", { skip }, async (t) => {
		const services = await startServices(t);
		const hosts = SERVERS.map((address, index) => {
			execFileSync("ip", ["address", "add", `${address}/24`, "dev", "bridge0"], { timeout: LIMIT_MS });
			return new Host(`host${index + 1}`, services, {
				...{ stable: "store", partner: `${address}:9473`, hostname: `host${index + 1}` },
				iscsi: { address: `${address}:${PORT}`, target: TARGET },
			});
		});
		t.teardown(() => Promise.all(hosts.map(({ tree }) => tree.program?.stop("SIGKILL", LIMIT_MS))));
		const [one, two] = hosts as [Host, Host];
		await startBoth(one, two, "open");
		const console = await runGuest({
			...{ interfaceNames: ["client"], mtu: MTU, script: "iscsi-both.sh", limitMs: GUEST_LIMIT_MS },
			...{ variables: { site: SITE, servers: SERVERS.join(","), port: String(PORT) }, isForTcp: true },
		});
		t.match(console, /all is well$/m);
	});
}
