// A disk of the daemon at the other end of an interface: its target is not there at the start, goes and comes back, and so does the link; the daemon
// exports another disk on the same interface meanwhile. The target is ours, and Debian's vblade 25; and the classic command line passes one on.
//
//     server's lan0, e9.0 <=====> lan0 of the daemon's

import { existsSync } from "node:fs";
import t, { type Test } from "tap";
import type { RemoteState } from "../../lib/control/model.js";
import { DaemonTree } from "../daemon/tree-bench.js";
import { pause, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Lan, namespacesMissing } from "../support/netns.js";
import { VBLADE25, vbladeCommand } from "../support/paths.js";
import { type Program, run } from "../support/process.js";

const skip = namespacesMissing() ?? false;
t.setTimeout(400_000);

/** How often a target is killed, and for how long it serves before. */
const KILLS = 3;
const LIFE_MS = 2000;

/** fio writes and verifies over NBD. */
function verified(socket: string, name: string, ...more: string[]) {
	return run(
		[
			...["fio", "--name=job", "--ioengine=nbd", `--uri=nbd+unix:///${name}?socket=${socket}`, "--rw=randrw"],
			...[
				"--bsrange=512-64k",
				"--bs_unaligned=0",
				"--iodepth=16",
				"--size=1M",
				"--io_size=8M",
				"--verify=crc32c",
			],
			...["--verify_state_save=0", ...more],
		],
		LIMIT_MS,
	);
}

/** The daemon that has the disk, and the host where that is. */
class Hosts {
	readonly lan = new Lan({ mtu: 9000 });
	readonly tree = new DaemonTree(this.lan.client.name);
	readonly near = this.tree.path("near.sock");
	readonly image = this.tree.file("far.img");
	server: Program | null = null;

	/** Its disks, beside whatever else there is to configure. */
	configure(...disks: string[]): void {
		this.tree.configure([`[nbd]\nlisten = ["unix:${this.near}"]\n`, ...disks].join(""));
	}

	io(name: string, command: string) {
		return run(["qemu-io", "-f", "raw", "-c", command, `nbd+unix:///${name}?socket=${this.near}`], LIMIT_MS);
	}

	async serve(...command: string[]): Promise<void> {
		this.server = this.lan.server.start([...command, "9", "0", "lan0", this.image]);
		await this.server.waitFor(/ sectors/, LIMIT_MS);
	}

	async kill(): Promise<void> {
		await this.server?.stop("SIGKILL");
	}

	async remote(): Promise<RemoteState> {
		return (await this.tree.ask("GET", "/api/v1/disks/far")).body.remote as unknown as RemoteState;
	}

	becomes(state: string): Promise<void> {
		return until(`it is ${state}`, async () => (await this.remote()).state === state, LIMIT_MS);
	}

	async metrics(): Promise<string> {
		return String((await this.tree.ask("GET", "/metrics")).body.text);
	}
}

const OURS = [...vbladeCommand(), "--durability=flush"];
const nbd = (name: string): string => `[disk.${name}.nbd]\nname = "${name}"\n`;
const FAR = `[disk.far]\nremote = "aoe:lan0:9.0"\ninterval = "1s"\nresend = 60\n${nbd("far")}`;

async function notThere(t: Test, hosts: Hosts): Promise<void> {
	const { tree, near } = hosts;
	const reason = async (name: string) => String((await tree.ask("GET", `/api/v1/disks/${name}`)).body.reason);
	await until("it says why", async () => /nobody answers for e9\.0/.test(await reason("far")), LIMIT_MS);
	t.match(await reason("nowhere"), /there is no such network interface/);
	await hosts.serve(...OURS);
	t.equal((await tree.state("far", "open")).storage, "aoe:lan0:9.0");
	t.match(await hosts.remote(), { state: "connected", losses: 0 });
	t.notMatch((await hosts.io("far", "discard 128k 64k")).output, /fail|error/i);
	const { code, output } = await verified(near, "far");
	t.equal(code, 0, output);
	t.notMatch((await hosts.io("far", "write -P 7 0 64k")).output, /fail|error/i);
}

async function goesAway(t: Test, hosts: Hosts): Promise<void> {
	await hosts.kill();
	const reading = hosts.io("far", "read -P 7 0 64k");
	await hosts.becomes("unreachable");
	await until("one waits", async () => (await hosts.remote()).waiting > 0, LIMIT_MS);
	const status = JSON.stringify((await hosts.tree.ask("GET", "/api/v1/status")).body);
	t.match(status, /disk far: its server is unreachable since /);
	t.notMatch((await hosts.io("here", "write -P 1 0 4k")).output, /fail|error/i);
	await hosts.serve(...OURS);
	t.notMatch((await reading).output, /fail|error/i);
	await hosts.becomes("connected");
	t.match(await hosts.metrics(), /^vblade_disk_remote_connected\{disk="far"\} 1$/m);
}

async function linkChanges(t: Test, hosts: Hosts): Promise<void> {
	const { client, server } = hosts.lan;
	client.ip("link", "set", "lan0", "down");
	await hosts.becomes("unreachable");
	const reading = hosts.io("far", "read -P 7 0 64k");
	client.ip("link", "set", "lan0", "up");
	t.notMatch((await reading).output, /fail|error/i);
	for (const mtu of ["1500", "9000"]) {
		for (const side of [client, server]) side.ip("link", "set", "lan0", "mtu", mtu);
		t.notMatch((await hosts.io("far", "read -P 7 0 64k")).output, /fail|error/i, `MTU ${mtu}`);
	}
	await hosts.becomes("connected");
}

async function exportBeside(t: Test, { tree, lan }: Hosts): Promise<void> {
	const command = [...vbladeCommand(), "discover", "lan0"];
	const found = await run(command, LIMIT_MS, { namespace: lan.server.name });
	t.match(found.output, /8\.0/);
	const problems = async (): Promise<string> =>
		String((await tree.ask("GET", "/api/v1/status")).body.problems);
	// (The far one may still be told as one that did not answer while its link was down.)
	await until("it answers again", async () => !/disk far/.test(await problems()), LIMIT_MS);
	t.match(await problems(), /^disk nowhere: [^,]*, [^,]*$/, "no other problem");
	const text = String((await tree.ask("GET", "/metrics")).body.text);
	t.notMatch(text, /dropped_total\{[^}]*response[^}]*\} [1-9]/);
}

async function vblade25(t: Test, hosts: Hosts): Promise<void> {
	const { tree, near } = hosts;
	await hosts.kill();
	await hosts.serve(VBLADE25, "-d");
	// (It is another disk for us: its serial number is.)
	await hosts.becomes("stopped");
	t.match(await hosts.remote(), { why: /another disk, with the serial number/ });
	hosts.configure();
	await tree.reload();
	await tree.nothingUnderWay();
	hosts.configure(FAR);
	await tree.reload();
	await tree.state("far", "open");
	const { code, output } = await verified(near, "far");
	t.equal(code, 0, output);
}

t.test("a disk of the daemon that another host has", { skip }, async (t) => {
	const hosts = new Hosts();
	t.teardown(async () => {
		await hosts.kill();
		await hosts.tree.stop();
		hosts.lan.remove();
	});
	hosts.configure(
		FAR,
		`[disk.nowhere]\nremote = "aoe:lan9:9.0"\n`,
		`[disk.here]\nmemory = "1M"\n[disk.here.aoe]\naddress = "8.0"\nnetif = ["lan0"]\n${nbd("here")}`,
	);
	await hosts.tree.start();
	await t.test("what is not there takes down its disk alone, which is tried again", (t) =>
		notThere(t, hosts),
	);
	await t.test("one that goes away is waited for, which is told", (t) => goesAway(t, hosts));
	await t.test("a link that goes down and up, and has another MTU, is a pause", (t) => linkChanges(t, hosts));
	await t.test("what is exported on the same interface is not disturbed", (t) => exportBeside(t, hosts));
	await t.test("vblade 25 as the target", { skip: !existsSync(VBLADE25) }, (t) => vblade25(t, hosts));
});

async function passedOn(t: Test, lan: Lan, socket: string): Promise<Program> {
	const program = lan.client.start([...vbladeCommand(), "nbd", `unix:${socket}`, "aoe:lan0:9.0"]);
	t.teardown(async () => void (await program.stop()));
	await program.waitFor(/ sectors /, LIMIT_MS);
	return program;
}

t.test(
	"the classic command line passes one on, whose target is killed again and again",
	{ skip },
	async (t) => {
		const lan = new Lan({ mtu: 1500 });
		t.teardown(() => lan.remove());
		const tree = new DaemonTree();
		const image = tree.file("far.img");
		const serve = async (): Promise<Program> => {
			const server = lan.server.start([...vbladeCommand(), "--durability=flush", "9", "0", "lan0", image]);
			await server.waitFor(/ sectors /, LIMIT_MS);
			return server;
		};
		let server = await serve();
		t.teardown(async () => void (await server.stop("SIGKILL")));
		const near = tree.path("near.sock");
		const ours = await passedOn(t, lan, near);
		let isOver = false;
		const load = verified(near, "", "--rate=1m").finally(() => {
			isOver = true;
		});
		let kills = 0;
		// (As often as it has time to go on in between.)
		for (; !isOver && kills < KILLS; kills++) {
			await pause(LIFE_MS);
			await server.stop("SIGKILL");
			server = await serve();
		}
		const { code, output } = await load;
		t.equal(code, 0, output);
		t.ok(kills > 0, `killed ${kills} times`);
		t.equal((await ours.stop()).code, 0, "it ends well");
	},
);

t.test("what can't be had is one line", { skip }, async (t) => {
	const lan = new Lan();
	t.teardown(() => lan.remove());
	const cases: [string, RegExp][] = [
		["aoe:lan9:9.0", /there is no such network interface/],
		["aoe:lan0:9", /one interface of this machine, a shelf and a slot are allowed, as in aoe:eth0:9\.0/],
		["aoe:lan0:65535.0", /a shelf is a number from 0 to 65534/],
		["aoe:unix:/tmp/x:9.0", /one interface of this machine, a shelf and a slot/],
		["aoe:lan*:9.0", /lan\*/],
	];
	for (const [filename, text] of cases) {
		const command = [...vbladeCommand(), "nbd", "unix:/tmp/none.sock", filename];
		const { code, output } = await run(command, LIMIT_MS, { namespace: lan.client.name });
		t.equal(code, 2, filename);
		t.match(output, text);
		t.equal(output.trim().split("\n").length, 1);
	}
});
