// Our initiator over packet sockets and libpcap: to a server in the same namespace, at the other end of a virtual cable.
import { execFileSync } from "node:child_process";
import t from "tap";
import { benchCommand } from "../../lib/cli/bench.js";
import { discoverCommand } from "../../lib/cli/discover.js";
import { Initiator } from "../../lib/client/initiator.js";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { Collected, serveMemory } from "./harness.js";

const LIMIT_MS = 10_000;

function ip(command: string): void {
	execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });
}

async function main(): Promise<void> {
	ip("link add name near mtu 9000 type veth peer name far mtu 9000");
	ip("link set near up");
	ip("link set far up");
	const isUp = (name: string) => interfaceInfo(name)?.up === true;
	await until("the carrier", () => isUp("near") && isUp("far"), LIMIT_MS);
	const server = await serveMemory({ kind: "interface", name: "near" }, 1);

	t.test("what is written is read", async (t) => {
		const pump = new Pump();
		const link = new PacketLink("far", pump, { framesInFlight: 64 });
		const initiator = new Initiator(link);
		const disk = await initiator.open(9, 0);
		const bytes = Uint8Array.from({ length: 2 ** 20 }, (_, at) => (at * 7 + (at >>> 9)) & 0xff);
		await disk.write(0, bytes);
		t.ok(Buffer.from(await disk.read(0, 2048)).equals(bytes));
		await t.rejects(disk.read(2048, 1), { name: "DiskError", lba: 2048 });
		initiator.close();
		await link.close();
	});

	for (const netif of ["far", "pcap:far"])
		t.test(`the commands on ${netif}`, async (t) => {
			const found = new Collected();
			t.equal(await discoverCommand([netif, "--seconds", "0.3"], found), 0);
			t.match(found.stdout, /^e9\.0 [0-9a-f:]{17} 16 buffers, 16 sectors a frame\n$/);
			const measured = new Collected();
			t.equal(await benchCommand([netif, "9", "0", "--seconds", "0.3"], measured), 0);
			t.match(measured.stdout, /^4 KiB random reads, window 16: [1-9]/);
		});

	t.test("an interface that is down", async (t) => {
		ip("link set far down");
		await t.rejects(benchCommand(["far", "9", "0"]), { name: "OperatorError", message: /is down/ });
		await server.close();
	});
}

if (await inNamespace(import.meta.url)) await main();
