/**
 * A site behind a router: `vblade 9 0 gre:ADDRESS`, with a router between two networks (`test/support/site.ts`), and at the other end our own initiator or, where
 * this kernel has it, Linux's `gretap`. A whole Linux with that as a client is in `test/kernel/gre-cases.ts`.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { DaemonTree, diskToml } from "../daemon/tree-bench.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { longTest } from "../support/long.js";
import { ip, Namespace, namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { type Program, run } from "../support/process.js";
import { SERVER_ADDRESS as SERVER, SITE_ADDRESS as SITE, Site } from "../support/site.js";
import { Stage } from "./stage.js";

t.setTimeout(230_000);
const skip = namespacesMissing() ?? false;

/** The stage with a site behind its client's namespace, which routes. */
class RoutedStage extends Stage {
	readonly #site: Site;

	constructor(mtu = 1500) {
		super(vbladeCommand());
		this.#site = new Site(this.lan, mtu);
		this.#site.settle();
	}

	get site(): Namespace {
		return this.#site.namespace;
	}

	async serveSite(...options: string[]): Promise<Program> {
		const vblade = this.start(...options, "9", "0", `gre:${SITE}`, this.file);
		await vblade.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
		return vblade;
	}

	/** Runs our program at the site, to its end. */
	atSite(...words: string[]) {
		return run([...vbladeCommand(), ...words], LIMIT_MS, { namespace: this.site.name });
	}

	override async close(): Promise<void> {
		this.#site.remove();
		await super.close();
	}
}

async function routed(t: Test, mtu?: number): Promise<RoutedStage> {
	const stage = new RoutedStage(mtu);
	t.teardown(() => stage.close());
	return stage;
}

/** The lines of /proc/PID/status, by name. */
function statusOf(pid: number): Map<string, string> {
	const lines = readFileSync(`/proc/${pid}/status`, "utf8").split("\n");
	return new Map(lines.map((line) => line.split(":\t", 2) as [string, string]));
}

function processes({ lan }: Stage, matches: (words: readonly string[]) => boolean): number[] {
	const pids = ip("netns", "pids", lan.server.name).trim().split("\n").map(Number);
	return pids.filter((pid) => {
		try {
			return matches(readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0"));
		} catch {
			// It has ended meanwhile.
			return false;
		}
	});
}

/** The tunnel's process. */
function tunnelOf(server: Program, stage: Stage): number {
	const [pid] = processes(stage, (words) => words.includes("gre") && !words.includes("--keep"));
	if (pid === undefined) throw new Error(`no tunnel; ${server.output}`);
	return pid;
}

function serverOf(stage: Stage): number {
	return processes(stage, (words) => words.includes("9") && words.includes("0"))[0] ?? 0;
}

t.test("our initiator at a site behind a router", { skip }, async (t) => {
	const stage = await routed(t);
	const vblade = await stage.serveSite();
	await vblade.waitFor(/warn: gre:[\d.]+: nothing protects what passes here: /, LIMIT_MS);
	const found = await stage.atSite("discover", `gre:${SERVER}`);
	t.match(found.stdout, /^e9\.0 \S+ 16 buffers, 2 sectors a frame$/m, "as many sectors as 1462 bytes hold");
	const written = await stage.atSite("bench", `gre:${SERVER}`, "9", "0", "--write=50", "--requests=500");
	t.equal(written.code, 0, written.output);
	t.equal((await vblade.stop()).code, 0);
	const isOver = () => ip("netns", "pids", stage.lan.server.name) === "";
	await until("the tunnel ends with the server", isOver, LIMIT_MS);
});

t.test(
	"its process has no privilege, and its end costs nothing but a pause; a server that is killed ends it",
	{ skip },
	async (t) => {
		const stage = await routed(t);
		const vblade = await stage.serveSite();
		const pid = tunnelOf(vblade, stage);
		const status = statusOf(pid);
		t.notMatch(status.get("Uid"), /\b0\b/, "it is an ordinary user");
		for (const name of ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"])
			t.equal(status.get(name), "0".repeat(16), `${name}: it has its socket, and needs nothing else`);
		t.equal(status.get("NoNewPrivs"), "1");
		t.equal(status.get("Seccomp"), "2");
		process.kill(pid, "SIGKILL");
		const again = await stage.atSite("bench", `gre:${SERVER}`, "9", "0", "--requests=500");
		t.equal(again.code, 0, again.output);
		t.not(tunnelOf(vblade, stage), pid);
		await vblade.waitFor(/warn: gre:[\d.]+: its process has ended; another one is started/, LIMIT_MS);
		process.kill(vblade.pid, "SIGKILL");
		const isOver = () => ip("netns", "pids", stage.lan.server.name) === "";
		await until("the end of both", isOver, LIMIT_MS);
		t.ok(isOver(), "and it ends with its server");
	},
);

t.test("with --user, a tunnel that ends is replaced too", { skip }, async (t) => {
	const stage = await routed(t);
	const vblade = await stage.serveSite("--user=nobody");
	t.equal(statusOf(serverOf(stage)).get("Seccomp"), "2", "the server can start nothing any more");
	const pid = tunnelOf(vblade, stage);
	process.kill(pid, "SIGKILL");
	const again = await stage.atSite("bench", `gre:${SERVER}`, "9", "0", "--requests=500");
	t.equal(again.code, 0, again.output);
	t.not(tunnelOf(vblade, stage), pid);
	t.equal((await vblade.stop()).code, 0);
	const isOver = () => ip("netns", "pids", stage.lan.server.name) === "";
	await until("the end of all", isOver, LIMIT_MS);
	t.ok(isOver(), "tunnel and keeper end with the server");
});

t.test("a disk of the daemon, which is added while another one is served", { skip }, async (t) => {
	const stage = await routed(t);
	const tree = new DaemonTree(stage.lan.server.name);
	const near = diskToml("near", 'memory = "1M"', "9.1", "lan0");
	tree.configure(near);
	await tree.start();
	t.teardown(() => tree.stop());
	tree.configure(near + diskToml("far", 'memory = "1M"', "9.0", `gre:${SITE}`));
	t.ok(await tree.reload());
	await tree.state("far", "open");
	const read = await stage.atSite("bench", `gre:${SERVER}`, "9", "0", "--requests=500");
	t.equal(read.code, 0, read.output);
});

longTest("a router with a narrower way in between", { skip }, async (t) => {
	const stage = await routed(t);
	const vblade = await stage.serveSite();
	for (const namespace of [stage.lan.client, stage.site]) namespace.ip("link", "set", "site0", "mtu", "1300");
	// What is longer than the way beyond the router, it tells.
	const read = ["bench", `gre:${SERVER}`, "9", "0", "--size=1024"];
	t.equal((await stage.atSite(...read, "--requests=200")).code, 0, "what does not fit arrives, as fragments");
	const found = await stage.atSite("discover", `gre:${SERVER}`, "--seconds=2");
	t.match(found.stdout, /2 sectors a frame/, "1262 bytes hold two sectors still");
	t.equal((await vblade.stop()).code, 0);
});

longTest("tcpdump reads what passes", { skip }, async (t) => {
	const stage = await routed(t);
	const vblade = await stage.serveSite();
	const file = path.join(scratchDirectory(), "gre.pcap");
	const tcpdump = stage.lan.server.start([
		"tcpdump",
		"-U",
		"--immediate-mode",
		"-i",
		"lan0",
		"-w",
		file,
		"proto",
		"47",
	]);
	await tcpdump.waitFor(/listening on/, LIMIT_MS);
	await stage.atSite("discover", `gre:${SERVER}`);
	// AoE, version 1, a response.
	const answer = Buffer.from("88a218", "hex");
	await until("an answer is in the file", () => readFileSync(file).includes(answer), LIMIT_MS);
	await tcpdump.stop("SIGINT");
	const { stdout } = await run(["tcpdump", "-n", "-e", "-v", "-r", file], LIMIT_MS);
	t.match(stdout, new RegExp(`${SITE} > ${SERVER}: .*GREv0, Flags \\[none\\], proto TEB \\(0x6558\\)`));
	t.match(stdout, /AoE length \d+, Ver 1/, "with AoE inside");
	t.notMatch(stdout, /truncated|bad cksum/);
	await vblade.stop();
});

/** Whether this kernel has tunnels of its own: not every one is built with them. */
function gretapMissing(): string | false {
	if (skip !== false) return skip;
	const namespace = new Namespace(`vb${process.pid}s8`);
	try {
		namespace.ip("link", "add", "site1", "type", "gretap", "local", SITE, "remote", SERVER);
		return false;
	} catch {
		return "this kernel has no gretap (ip_gre)";
	} finally {
		namespace.remove();
	}
}

async function gretapAtSite(t: Test): Promise<void> {
	const stage = await routed(t);
	const vblade = await stage.serveSite();
	stage.site.ip("link", "add", "site1", "type", "gretap", "local", SITE, "remote", SERVER);
	stage.site.ip("link", "set", "site1", "up");
	t.match((await stage.atSite("discover", "site1")).stdout, /^e9\.0 \S+ 16 buffers, 2 sectors a frame$/m);
	const written = await stage.atSite("bench", "site1", "9", "0", "--write=50", "--verify", "--requests=2000");
	t.equal(written.code, 0, written.output);
	await vblade.stop();
}

// One where this kernel has it, not the only one: test/kernel/gre.long.ts brings a kernel that does.
if (gretapMissing() === false) t.test("Linux's gretap at the site", gretapAtSite);
t.test("what is no address of one other machine is refused", async (t) => {
	const { code, stderr } = await run([...vbladeCommand(), "9", "0", "gre:127.0.0.1", "mem:1M"], LIMIT_MS);
	const why = "the address is this machine itself; gre:ADDRESS takes the other end's IPv4 or IPv6 address";
	t.strictSame([code, stderr], [2, `vblade: netif "gre:127.0.0.1": ${why}\n`]);
});
