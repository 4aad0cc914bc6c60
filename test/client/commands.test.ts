// The commands of our initiator against a server of ours: over a unix socket, and over a virtual cable.
import path from "node:path";
import t, { type Test } from "tap";
import { benchCommand } from "../../lib/cli/bench.js";
import { discoverCommand } from "../../lib/cli/discover.js";
import { bench, formatBench } from "../../lib/client/bench.js";
import { Random } from "../../lib/random.js";
import type { NetifSpec } from "../../lib/spec/spec.js";
import { Collected, Lab, serveMemory } from "./harness.js";

const dir = t.testdir({});
let sockets = 0;

async function run(command: typeof benchCommand, ...argv: string[]) {
	const output = new Collected();
	const status = await command(argv, output);
	return { status, stdout: output.stdout, stderr: output.stderr };
}

/** Serves e9.0 and e9.1 on a unix socket. Returns its netif. */
async function served(t: Test, readOnly = false): Promise<string> {
	const socketPath = path.join(dir, `c${sockets++}`);
	const netif: NetifSpec = { kind: "unix", name: `unix:${socketPath}`, path: socketPath };
	const server = await serveMemory(netif, 2, readOnly);
	t.teardown(() => server.close());
	return netif.name;
}

const LINE =
	/^(\d+) (KiB|MiB|bytes) (random|sequential) (read|write)s, window \d+: \d+\/s, [\d.]+ MB\/s, p50 \d+ us, p99 \d+ us, p99\.9 \d+ us\n$/;

t.test("bench prints one line", async (t) => {
	const netif = await served(t);
	const reads = await run(benchCommand, netif, "9", "0", "--seconds", "0.2");
	t.equal(reads.status, 0);
	t.match(reads.stdout, LINE);
	t.match(reads.stdout, /^4 KiB random reads, window 16: [1-9]/);
	const more = ["--write", "--sequential", "--size=64k", "--window=2", "--seconds=0.2"];
	const writes = await run(benchCommand, netif, "9", "1", ...more);
	t.equal(writes.status, 0);
	t.match(writes.stdout, LINE);
	t.match(writes.stdout, /^64 KiB sequential writes, window 2: [1-9]/);
	const json = await run(
		benchCommand,
		"--write=50",
		netif,
		"9",
		"0",
		"--requests=20",
		"--size=512",
		"--json",
	);
	t.match(JSON.parse(json.stdout), {
		netif,
		shelf: 9,
		slot: 0,
		sizeBytes: 512,
		writePercent: 50,
		requests: 20,
		errors: 0,
	});
});

t.test("discover prints a line for each blade", async (t) => {
	const netif = await served(t);
	const { status, stdout } = await run(discoverCommand, netif, "--seconds", "0.3");
	t.equal(status, 0);
	const lines = stdout.trimEnd().split("\n");
	t.equal(lines.length, 2);
	for (const [slot, line] of lines.entries())
		t.match(line, new RegExp(`^e9\\.${slot} [0-9a-f]{2}(:[0-9a-f]{2}){5} 16 buffers, 16 sectors a frame$`));
});

t.test("a request that fails is one line on stderr and status 1", async (t) => {
	const netif = await served(t, true);
	const { status, stdout, stderr } = await run(benchCommand, netif, "9", "0", "--write", "--seconds", "0.1");
	t.strictSame([status, stdout], [1, ""]);
	t.match(stderr, /^vblade: e9\.0: write to LBA \d+: the disk fails \(status 0x41, error 0x04, LBA \d+\)\n$/);
	const tooBig = await run(benchCommand, netif, "9", "0", "--size", "2M");
	t.strictSame([tooBig.status, tooBig.stdout], [1, ""]);
	t.match(tooBig.stderr, /^vblade: e9\.0: requests of 2097152 bytes do not fit it\n$/);
});

t.test("what the operator got wrong is said in one line", async (t) => {
	const netif = await served(t);
	const cases: [typeof benchCommand, string[], RegExp][] = [
		[benchCommand, [], /^missing arguments: netif, shelf, slot; see vblade bench --help$/],
		[benchCommand, [netif, "9"], /^missing argument: slot; see vblade bench --help$/],
		[benchCommand, [netif, "9", "0", "7"], /^unknown argument: 7; see vblade bench --help$/],
		[
			benchCommand,
			[netif, "9", "0", "--no-fast"],
			/^option "--no-fast": there is none of this name; see vblade bench --help$/,
		],
		[benchCommand, [netif, "9", "0", "7", "8"], /^unknown arguments: 7, 8; see vblade bench --help$/],
		[benchCommand, [netif, "65535", "0"], /^shelf "65535": a number from 0 to 65534 is allowed$/],
		[benchCommand, [netif, "9", "0x1"], /^slot "0x1": a number from 0 to 254 is allowed$/],
		[benchCommand, [netif, "9", "0", "--size", "1000"], /^size "1000": a multiple of 512/],
		[benchCommand, [netif, "9", "0", "--size", "17M"], /^size "17M"/],
		[benchCommand, [netif, "9", "0", "--window", "0"], /^window "0": a number from 1 to 1024/],
		[benchCommand, [netif, "9", "0", "--seconds", "-1"], /^seconds "-1"/],
		[benchCommand, [netif, "9", "0", "--write=0"], /^write "0": a number from 1 to 100/],
		[benchCommand, [netif, "9", "0", "--write=lots"], /^write "lots"/],
		[benchCommand, [netif, "9", "0", "--requests=0"], /^requests "0": a number from 1/],
		[benchCommand, [netif, "9", "0", "--verify"], /^verify: needs reads and writes/],
		[benchCommand, [netif, "9", "0", "--verify", "--write"], /^verify: needs reads and writes/],
		[benchCommand, [netif, "9", "0", "--verify", "--write=50"], /^verify: only on a network interface/],
		[benchCommand, ["no such", "9", "0"], /^netif "no such"/],
		[benchCommand, ["nosuch0", "9", "0"], /nosuch0/],
		[benchCommand, ["lo,unix:/x", "9", "0"], /one interface, gre:ADDRESS or unix:PATH is allowed here$/],
		[discoverCommand, [`unix:${dir}/nobody`], /can't connect \(ENOENT\)/],
		[discoverCommand, [netif, "--seconds", "x"], /^seconds "x"/],
		[discoverCommand, [], /^missing argument: netif; see vblade discover --help$/],
		[
			discoverCommand,
			["--json"],
			/^option "--json": there is none of this name; see vblade discover --help$/,
		],
		[discoverCommand, ["lo", "lo"], /^unknown argument: lo; see vblade discover --help$/],
		[
			discoverCommand,
			["lo", "--fast-way"],
			/^option "--fast-way": there is none of this name; see vblade discover --help$/,
		],
	];
	for (const [command, argv, message] of cases)
		await t.rejects(run(command, ...argv), { name: "OperatorError", message }, argv.join(" "));
});

t.test("--help is printed and is no mistake", async (t) => {
	for (const command of [benchCommand, discoverCommand]) {
		const { status, stdout, stderr } = await run(command, "--help");
		t.strictSame([status, stderr], [0, ""]);
		t.match(stdout, /^vblade (bench|discover) <netif>/);
	}
});

t.test("bench on a clock of its own: what is measured, and how it is written", async (t) => {
	const lab = new Lab({ schedule: (deliver) => void lab.clock.after(1, deliver) });
	const blade = lab.target.serve(9, 0);
	const disk = await lab.run(lab.initiator.open(9, 0));
	const options = {
		writePercent: 0,
		order: "sequential",
		sizeBytes: 8192,
		window: 4,
		durationMs: 100,
	} as const;
	const result = await lab.run(bench(disk, { ...options, clock: lab.clock, random: new Random(1) }));
	t.equal(result.requests, 200, "4 at a time, 2 ms each");
	t.equal(result.elapsedMs, 100);
	t.equal(
		formatBench(result),
		"8 KiB sequential reads, window 4: 2000/s, 16 MB/s, p50 2000 us, p99 2000 us, p99.9 2000 us",
	);
	t.equal(
		formatBench({ ...result, workload: { ...result.workload, sizeBytes: 512 } }),
		"512 bytes sequential reads, window 4: 2000/s, 1.0 MB/s, p50 2000 us, p99 2000 us, p99.9 2000 us",
	);
	const mixed = { ...options, writePercent: 30, requests: 50, clock: lab.clock, random: new Random(1) };
	const few = await lab.run(bench(disk, mixed));
	t.equal(few.requests, 50, "as many as asked for");
	t.match(formatBench(few), /^8 KiB sequential reads and 30% writes, window 4: /);
	const { writes } = blade.disk.stats;
	t.ok(writes > 5 && writes < 25, `${writes} of 50 are writes`);
});
