// The link over packet sockets, on virtual cables in a network namespace: the conformance suite, which interfaces there are, and
// what an operator without privileges is told. What is full, changes or may not come in has files of its own.

import t, { type Test } from "tap";
import { interfaceInfo, interfaceMonitor, interfaceNames } from "../../lib/link/interfaces.js";
import { openLink } from "../../lib/link/open.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { linkConformance } from "../../lib/testing/link-conformance.js";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";
import { ip, layCable } from "./cable.js";

function opening(t: Test): void {
	const options = { framesInFlight: 16, log: () => {} };
	const open = (name: string) => openLink({ kind: "interface", name }, new Pump(), options);

	t.test("an interface that is not there", async (t) => {
		for (const name of ["nothere0", "a-name-that-is-much-too-long", ""])
			await t.rejects(open(name), { name: "OperatorError", message: /there is no such network interface/ });
		t.equal(interfaceInfo("nothere0"), undefined);
	});

	t.test("without the capability the operator is told which one it is", async (t) => {
		const openUrl = import.meta.resolve("../../lib/link/open.js");
		const pumpUrl = import.meta.resolve("../../lib/pump.js");
		const script = [
			`const { openLink } = await import(${JSON.stringify(openUrl)});`,
			`const { Pump } = await import(${JSON.stringify(pumpUrl)});`,
			`try { await openLink({ kind: "interface", name: "lo" }, new Pump(), { framesInFlight: 1, log() {} }); }`,
			"catch (error) { console.log(error.name, error.message); }",
		].join("\n");
		const child = [process.execPath, "--input-type=module", "-e", script];
		const without = ["setpriv", "--bounding-set=-net_raw", "--inh-caps=-net_raw", ...child];
		const { stdout, code } = await run(without, LIMIT_MS);
		t.match(stdout, /^OperatorError lo: .*CAP_NET_RAW/);
		t.equal(stdout.trim().split("\n").length, 1, "in one line");
		t.equal(code, 0, "and the process ends by itself: nothing was left open");
	});

	t.test("interfaces: which there are, what they are like, and word of changes", async (t) => {
		await layCable(1234);
		t.ok(["lo", "near", "far"].every((name) => interfaceNames().includes(name)));
		t.match(interfaceInfo("near"), { mtu: 1234, up: true });
		ip("link set near address 02:03:04:05:06:07");
		t.equal(interfaceInfo("near")?.mac, 0x020304050607);
		const told = [0, 0];
		const unwatch = [0, 1].map((index) => interfaceMonitor.watch(() => told[index]!++));
		await pause(20);
		ip("link set near mtu 1235");
		await until("word to both", () => told.every((count) => count > 0), LIMIT_MS);
		unwatch[0]?.();
		await pause(50);
		const before = [...told];
		ip("link delete near");
		await until("word to the other", () => told[1]! > before[1]!, LIMIT_MS);
		t.equal(told[0], before[0]);
		unwatch[1]?.();
	});
}

async function conformance(t: Test): Promise<void> {
	const kinds = [1500, 9000].flatMap((mtu) => [false, true].map((usesXdp) => ({ mtu, usesXdp })));
	for (const { mtu, usesXdp } of kinds)
		await linkConformance(t, `packet, MTU ${mtu}${usesXdp ? ", XDP" : ""}`, async () => {
			await layCable(mtu);
			const pump = new Pump();
			const near = new PacketLink("near", pump, { framesInFlight: 16, xdp: usesXdp });
			const far = new PacketLink("far", pump, { framesInFlight: 16, xdp: usesXdp });
			const close = async () => {
				await near.close();
				await far.close();
				ip("link delete near");
			};
			return { pump, near, far, close };
		});
}

t.setTimeout(230_000);

if (await inNamespace(import.meta.url)) {
	await conformance(t);
	opening(t);
}
