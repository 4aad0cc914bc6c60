/**
 * `vblade doctor` on a network with planted faults: two hosts with one address, a port in the middle with a smaller MTU, a file
 * system that is full, a limit that is low. Each is found, and named.
 *
 *    +-- client --+       +---------- hub ----------+       +---- a ----+      a and b: 9.0
 *    |    lan0   <========>  to-c    br0      to-a  <=======>   lan0    |
 *    |   doctor   |       |                   to-b  <=======>   b       |
 *    +------------+       +-------------------------+       +-----------+
 */

import { statSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { disk, fakeDaemon, whole } from "../doctor/fake-daemon.js";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { longTest } from "../support/long.js";
import { ip, Namespace, namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { type Program, run } from "../support/process.js";

const skip = namespacesMissing() ?? false;
const MAC = { a: "02:00:00:00:00:0a", b: "02:00:00:00:00:0b", c: "02:00:00:00:00:0c" } as const;
const ADDRESS = { a: "192.0.2.1", b: "192.0.2.2", c: "192.0.2.3" } as const;
type Side = keyof typeof MAC;
/** Of all ports. */
const MTU = 9000;

t.jobs = 4;

interface Finding {
	readonly check: string;
	readonly level: string;
	readonly what: string;
	readonly because?: string;
	readonly mend?: string;
}

let hubs = 0;

class Hub {
	readonly hub: Namespace;
	readonly sides: Readonly<Record<Side, Namespace>>;
	readonly #scratch = scratchDirectory();

	constructor() {
		hubs++;
		const namespace = (number: number): Namespace => new Namespace(`vb${process.pid}s${hubs * 10 + number}`);
		this.hub = namespace(0);
		this.sides = { a: namespace(1), b: namespace(2), c: namespace(3) };
		this.hub.ip("link", "add", "br0", "mtu", String(MTU), "type", "bridge");
		this.hub.ip("link", "set", "br0", "up");
		for (const side of ["a", "b", "c"] as const) {
			const end = ["name", "lan0", "mtu", String(MTU), "netns", this.sides[side].name, "address", MAC[side]];
			const other = ["name", `to-${side}`, "mtu", String(MTU), "netns", this.hub.name];
			ip("link", "add", ...end, "type", "veth", "peer", ...other);
			this.hub.ip("link", "set", `to-${side}`, "master", "br0", "up");
			this.sides[side].ip("address", "add", `${ADDRESS[side]}/24`, "dev", "lan0");
			this.sides[side].ip("link", "set", "lan0", "up");
		}
	}

	/** Serves `slot` of shelf 9. */
	async serve(side: Side, slot: string): Promise<Program> {
		const file = path.join(this.#scratch, `${side}${slot}.img`);
		writeFileSync(file, Buffer.alloc(512 * 1024));
		const server = this.sides[side].start([...vbladeCommand(), "--force", "9", slot, "lan0", file]);
		await server.waitFor(/^pid \d+: e9/m, LIMIT_MS);
		return server;
	}

	async doctor(...words: string[]): Promise<{ code: number | null; findings: Finding[]; stderr: string }> {
		return doctor(this.sides.c.name, vbladeCommand(), ...words);
	}

	remove(): void {
		for (const namespace of [...Object.values(this.sides), this.hub]) namespace.remove();
	}
}

async function doctor(namespace: string, command: readonly string[], ...words: string[]) {
	const { code, stdout, stderr } = await run([...command, "doctor", "--json", ...words], LIMIT_MS, {
		namespace,
	});
	const { findings } = JSON.parse(stdout) as { findings: Finding[] };
	return { code, findings, stderr };
}

async function withHub(t: Test, act: (t: Test, hub: Hub) => Promise<void>): Promise<void> {
	const hub = new Hub();
	t.teardown(() => hub.remove());
	await act(t, hub);
}

function onHub(name: string, act: (t: Test, hub: Hub) => Promise<void>): void {
	t.test(name, { skip }, (t) => withHub(t, act));
}

/** What long runs alone have on a network; \`test/doctor/\` shows it among fakes. */
function onHubLong(name: string, act: (t: Test, hub: Hub) => Promise<void>): void {
	longTest(name, { skip }, (t) => withHub(t, act));
}

/** The findings of a check, in the order in which they were told. */
function of(findings: readonly Finding[], check: string): Finding[] {
	return findings.filter((finding) => finding.check === check);
}

onHub("nothing is wrong with the network where nothing is", async (t, hub) => {
	await hub.serve("a", "0");
	await hub.serve("b", "1");
	const { code, findings, stderr } = await hub.doctor("lan0", "--peer", ADDRESS.a);
	t.equal(code, 0);
	t.match(stderr, /no daemon was asked/);
	t.match(of(findings, "rivals"), [{ level: "ok", because: "2 blades answered" }]);
	t.match(
		of(findings, "frames").map(({ level, what }) => `${level} ${what}`),
		[
			"ok lan0: frames of 9014 bytes arrive to 02:00:00:00:00:0a (e9.0)",
			"ok lan0: frames of 8228 bytes come back from 02:00:00:00:00:0a (e9.0)",
			"ok lan0: frames of 9014 bytes arrive to 02:00:00:00:00:0b (e9.1)",
			"ok lan0: frames of 8228 bytes come back from 02:00:00:00:00:0b (e9.1)",
		],
	);
	t.match(of(findings, "peer"), [
		{ level: "ok", what: "lan0: frames of 9014 bytes arrive to 192.0.2.1 (02:00:00:00:00:0a) and back" },
	]);
	t.match(of(findings, "interfaces"), [{ level: "ok", what: "lan0: up, with an MTU of 9000" }]);
	t.strictSame(
		findings.filter(({ level }) => level === "fault"),
		[],
	);
});

onHub("two hosts with one address are named, and whether it is one disk", async (t, hub) => {
	await hub.serve("a", "0");
	await hub.serve("b", "0");
	const { code, findings } = await hub.doctor("lan0");
	t.equal(code, 1);
	const [rival] = of(findings, "rivals");
	t.match(rival, { level: "fault", what: `lan0: e9.0 is answered by ${MAC.a} and ${MAC.b}` });
	t.match(rival?.because, /different disks/);
});

onHub("another host that answers for what is served here is named", async (t, hub) => {
	const server = await hub.serve("c", "7");
	await hub.serve("b", "7");
	const { findings } = await hub.doctor();
	const [rival] = of(findings, "rivals");
	t.match(rival, { level: "fault" });
	const [, pid] = /^pid (\d+)/.exec(server.stdout) ?? [];
	t.equal(rival?.what, `lan0: e9.7 is answered by ${MAC.b}, and is served here, too, by process ${pid}`);
	t.match(of(findings, "daemon"), [{ what: `servers run here: processes ${pid}` }]);
});

onHubLong("another host that answers for what the daemon serves here is named", async (t, hub) => {
	await hub.serve("b", "7");
	const disks = ["9.7", "9.8"].map((address) => disk(`at${address}`, { address }));
	const socket = await fakeDaemon(t, {
		disks: { disks, total: 2, next: null },
		"disks/at9.7": whole("at9.7", "9.7", ["lan0"]),
	});
	const { findings } = await hub.doctor("lan0", "--socket", socket);
	const [rival] = of(findings, "rivals");
	t.equal(
		rival?.what,
		`lan0: e9.7 is answered by ${MAC.b}, and is served here, too, by the daemon (disk at9.7)`,
	);
	const elsewhere = await fakeDaemon(t, {
		disks: { disks, total: 2, next: null },
		"disks/at9.7": whole("at9.7", "9.7", ["lan5"]),
	});
	const quiet = await hub.doctor("lan0", "--socket", elsewhere);
	t.match(of(quiet.findings, "rivals"), [{ level: "ok" }], "on another interface it is none of ours");
});

onHub("a smaller MTU in the middle is found, each way, and with an initiator's host", async (t, hub) => {
	await hub.serve("a", "0");
	hub.hub.ip("link", "set", "to-a", "mtu", "3000");
	const { code, findings } = await hub.doctor("lan0", "--peer", ADDRESS.a);
	t.equal(code, 1);
	const [there, back] = of(findings, "frames");
	for (const found of [there, ...of(findings, "peer")]) {
		t.equal(found?.level, "fault");
		const [, longest] = /no frame arrives that is longer than (\d+) bytes/.exec(found?.what ?? "") ?? [];
		// A bridge leaves room for a VLAN tag.
		t.ok(Number(longest) >= 3014 && Number(longest) <= 3018, found?.what ?? "no finding");
	}
	t.equal(back?.level, "fault");
	t.match(back?.what, /no frame arrives that is longer than 2596 bytes/, "five sectors");
});

onHubLong("a target with a larger MTU than ours is told of", async (t, hub) => {
	await hub.serve("a", "0");
	hub.sides.c.ip("link", "set", "lan0", "mtu", "1500");
	const { code, findings } = await hub.doctor("lan0");
	t.equal(code, 0);
	const found = of(findings, "frames").map(({ level, what }) => `${level} ${what}`);
	t.strictSame(found, [
		"ok lan0: frames of 1514 bytes arrive to 02:00:00:00:00:0a (e9.0)",
		"ok lan0: frames of 1060 bytes come back from 02:00:00:00:00:0a (e9.0)",
		"note lan0: 02:00:00:00:00:0a (e9.0) announces 16 sectors a frame, and the MTU of 1500 here has room for 2",
	]);
});

onHubLong("what is not there is said", async (t, hub) => {
	const { code, findings } = await hub.doctor("lan0", "--peer", "192.0.2.99");
	t.equal(code, 0);
	t.match(of(findings, "frames"), [{ level: "note", what: /could not be proved/ }]);
	t.match(of(findings, "peer"), [{ level: "warn", what: "lan0: 192.0.2.99 is not there" }]);
	const elsewhere = await hub.doctor("lan0", "--peer", "198.51.100.1");
	t.match(of(elsewhere.findings, "peer"), [{ level: "warn", what: "198.51.100.1 could not be tried" }]);
});

onHub("a port of a bridge, and what is down, are faults", async (t, hub) => {
	hub.hub.ip("link", "set", "to-b", "mtu", "1500");
	hub.hub.ip("link", "add", "idle0", "type", "veth", "peer", "name", "idle1");
	hub.hub.ip("link", "set", "br0", "mtu", "2000");
	const { code, findings } = await doctor(hub.hub.name, vbladeCommand(), "to-a,idle0,br0");
	t.equal(code, 1);
	const found = of(findings, "interfaces").map(({ level, what }) => `${level} ${what}`);
	t.strictSame(found, [
		"fault to-a: is a port of br0",
		"fault idle0: is down, or has no carrier",
		"fault br0: has an MTU of 2000, but to-b below it one of 1500",
	]);
});

t.test("the report is its owner's alone, and has no secret", { skip }, async (t) => {
	const namespace = new Namespace(`vb${process.pid}s3`);
	t.teardown(() => namespace.remove());
	const folder = scratchDirectory();
	const [config = "", report = ""] = ["vblade.toml", "report.tar.gz"].map((name) => path.join(folder, name));
	writeFileSync(config, '[store.attic]\ntype = "s3"\naccess_key = "PLANTED"\n');
	writeFileSync(report, "of before", { mode: 0o644 });
	await doctor(namespace.name, vbladeCommand(), "--config", config, "--bundle", report);
	t.equal(statSync(report).mode & 0o777, 0o600);
	const { stdout } = await run(["tar", "-xzOf", report], LIMIT_MS);
	t.match(stdout, 'type = "s3"');
	t.match(stdout, "io_uring");
	t.notMatch(stdout, /PLANTED/);
	const nowhere = [...vbladeCommand(), "doctor", "--bundle", path.join(folder, "none/report.tar.gz")];
	const { code, stderr } = await run(nowhere, LIMIT_MS, { namespace: namespace.name });
	t.equal(code, 2);
	t.match(stderr, /report\.tar\.gz": can't be written \(ENOENT\)/);
});

t.test("a full file system is found, and what sparse files promise", { skip }, async (t) => {
	const namespace = new Namespace(`vb${process.pid}s1`);
	t.teardown(() => namespace.remove());
	const folder = scratchDirectory();
	const script = `mount -t tmpfs -o size=1M,nr_inodes=100 tmpfs ${folder} && truncate -s 8M ${folder}/disk.img &&
		{ dd if=/dev/zero of=${folder}/other bs=64k 2>/dev/null; exec "$0" "$@"; }`;
	const words = [...vbladeCommand(), "9", "0", `unix:${folder}/s`, `${folder}/disk.img`];
	const server = namespace.start(["unshare", "--mount", "sh", "-c", script, ...words]);
	await server.waitFor(/^pid \d+: e9/m, LIMIT_MS);
	const { code, findings } = await doctor(namespace.name, vbladeCommand());
	t.equal(code, 1);
	const found = of(findings, "space").filter(({ what }) => what.includes("disk.img"));
	t.match(found[0], { level: "fault", what: /disk\.img has 0 free, of 1M/ });
	t.match(found[1], {
		level: "warn",
		what: /sparse files promise 8M that they do not have yet, and 0 are free/,
	});
	await server.stop();
});

t.test("a low limit of descriptors is found, and a user who may not do much", { skip }, async (t) => {
	const namespace = new Namespace(`vb${process.pid}s2`);
	t.teardown(() => namespace.remove());
	const low = await doctor(namespace.name, ["prlimit", "--nofile=100:100", ...vbladeCommand()]);
	t.match(of(low.findings, "limits"), [
		{ level: "warn", what: "a server that is started from here may have 100 descriptors open" },
	]);
	const bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs", ...vbladeCommand()];
	const poor = await doctor(namespace.name, bare);
	t.equal(poor.code, 1);
	t.match(of(poor.findings, "privileges")[0], { level: "fault", what: /may not send Ethernet frames/ });
});
