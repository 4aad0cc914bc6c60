// Our initiator over packet sockets and libpcap: to a server in the same namespace, at the other end of a virtual cable.
import { execFileSync } from "node:child_process";
import t, { type Test } from "tap";
import { benchCommand } from "../../lib/cli/bench.js";
import { discoverCommand } from "../../lib/cli/discover.js";
import { Initiator } from "../../lib/client/initiator.js";
import { interfaceInfo } from "../../lib/link/interfaces.js";
import { PacketLink } from "../../lib/link/packet.js";
import { Pump } from "../../lib/pump.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { Collected, serveMemory } from "./harness.js";

function ip(command: string): void {
	execFileSync("ip", command.split(" "), { stdio: ["ignore", "ignore", "inherit"], timeout: LIMIT_MS });
}

/** `bench` where it has the load generator. */
function generator(t: Test): void {
	t.test("bench on an interface: the load generator", async (t) => {
		const run = async (...argv: string[]) => {
			const output = new Collected();
			const status = await benchCommand(["far", "9", "0", ...argv], output);
			return { status, stdout: output.stdout, stderr: output.stderr };
		};
		const verified = await run("--write=50", "--verify", "--requests=2000", "--size=512", "--json");
		t.match(verified, { status: 0, stderr: "" });
		t.match(JSON.parse(verified.stdout), { requests: 2000, sizeBytes: 512, errors: 0, wrongSectors: 0 });
		const many = await run("--window=32", "--requests=100", "--sequential");
		t.match(many, { status: 0, stderr: "vblade: window 16: e9.0 takes no more requests at a time\n" });
		t.match(many.stdout, /^4 KiB sequential reads, window 16: [1-9]/);
		const large = await run("--size=64k", "--requests=10");
		t.match(large, {
			status: 0,
			stdout: /^64 KiB random reads/,
			stderr: /^vblade: a frame holds 8 KiB: larger/,
		});
		await t.rejects(run("--size=64k", "--write=50", "--verify"), { message: /^verify: only on a network/ });
		t.match(await run("--size=4k", "--write=50", "--verify", "--requests=9", "--window=1"), { status: 0 });
	});
}

/** The same on the cable with small frames. */
function smallFrames(t: Test): void {
	t.test("bench tells of requests that fail", async (t) => {
		const readOnly = await serveMemory({ kind: "interface", name: "near2" }, 1, true);
		const output = new Collected();
		t.equal(await benchCommand(["far2", "9", "0", "--write", "--requests=20"], output), 1);
		t.same([output.stdout, output.stderr], ["", "vblade: 20 requests failed\n"]);
		await readOnly.close();
	});

	t.test("where a frame is small, a request is what it holds", async (t) => {
		const small = await serveMemory({ kind: "interface", name: "near2" }, 1);
		const output = new Collected();
		t.equal(await benchCommand(["far2", "9", "0", "--requests=50"], output), 0);
		t.match(output.stdout, /^1 KiB random reads, window 16: [1-9]/);
		await small.close();
	});
}

async function main(): Promise<void> {
	ip("link add name near mtu 9000 type veth peer name far mtu 9000");
	ip("link add name near2 mtu 1500 type veth peer name far2 mtu 1500");
	const ends = ["near", "far", "near2", "far2"];
	for (const name of ends) ip(`link set ${name} up`);
	await until("the carriers", () => ends.every((name) => interfaceInfo(name)?.up === true), LIMIT_MS);
	const server = await serveMemory({ kind: "interface", name: "near" }, 1);

	t.test("what is written is read", async (t) => {
		const pump = new Pump();
		const link = new PacketLink("far", pump, { framesInFlight: 64 });
		const initiator = new Initiator(link, { deadlineMs: LIMIT_MS });
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
			t.equal(await benchCommand([netif, "9", "0", "--requests", "500"], measured), 0);
			t.match(measured.stdout, /^4 KiB random reads, window 16: [1-9]/);
		});

	generator(t);
	smallFrames(t);

	t.test("an interface that is down", async (t) => {
		ip("link set far down");
		await t.rejects(benchCommand(["far", "9", "0"]), { name: "OperatorError", message: /is down/ });
		await server.close();
	});
}

if (await inNamespace(import.meta.url)) await main();
