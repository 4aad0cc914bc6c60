/**
 * Single checks of `vblade doctor` on a machine that is made of files: limits, drops, rings, servers. What needs a network is in
 * `test/netns/doctor.test.ts`.
 */

import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { largest } from "../../lib/doctor/ask.js";
import type { Context, Finding } from "../../lib/doctor/check.js";
import { drops } from "../../lib/doctor/drops.js";
import { ofHardware } from "../../lib/doctor/interfaces.js";
import { limits } from "../../lib/doctor/limits.js";
import { Machine } from "../../lib/doctor/machine.js";
import { privileges } from "../../lib/doctor/privileges.js";
import { findServers, servedByProcess } from "../../lib/doctor/servers.js";
import type { InterfaceInfo } from "../../lib/link/interfaces.js";
import { scratchDirectory } from "../support/cleanup.js";

const LAN0: InterfaceInfo = {
	index: 2,
	names: ["lan0"],
	mtu: 1500,
	mac: 1,
	up: true,
	carriers: 1,
	bridge: 0,
	isMacvlan: false,
	gone: false,
	moved: false,
};

/** A machine with these files, by their paths. Those that begin with "-> " are symbolic links. */
function machineOf(files: Readonly<Record<string, string>>): {
	machine: Machine;
	put: (file: string, text: string) => void;
} {
	const root = scratchDirectory();
	const put = (file: string, text: string): void => {
		const at = path.join(root, file);
		mkdirSync(path.dirname(at), { recursive: true });
		if (text.startsWith("-> ")) symlinkSync(text.slice(3), at);
		else writeFileSync(at, text);
	};
	for (const [file, text] of Object.entries(files)) put(file, text);
	return { machine: new Machine(root), put };
}

function contextOf(machine: Machine, changes: Partial<Context> = {}): Context {
	return { machine, interfaces: [LAN0], daemon: undefined, servers: [], peer: undefined, ...changes };
}

function told(findings: readonly Finding[]): string[] {
	return findings.map(({ level, what }) => `${level} ${what}`);
}

t.test("the longest that passes is found", async (t) => {
	for (const limit of [60, 61, 1514, 3018, 9013, 9014]) {
		let questions = 0;
		const found = await largest(60, 9014, async (size) => {
			questions += 1;
			return size <= limit;
		});
		t.equal(found, limit);
		t.ok(questions <= 16, "by halves");
	}
	t.equal(await largest(60, 9014, async () => false), undefined);
});

t.test("limits that are near are told, of servers and of this process", async (t) => {
	const line = (name: string, soft: string): string => `${name.padEnd(26)}${soft.padEnd(21)}${soft}  units\n`;
	const { machine } = machineOf({
		"proc/self/limits": `${line("Limit", "Soft")}${line("Max open files", "256")}${line("Max locked memory", "65536")}`,
		"proc/self/status": "CapEff:\t0000000000000000\n",
		"proc/self/cgroup": "0::/a/b\n",
		"sys/fs/cgroup/a/b/pids.max": "20\n",
		"sys/fs/cgroup/a/b/pids.current": "12\n",
		"sys/fs/cgroup/a/b/memory.max": "1000\n",
		"sys/fs/cgroup/a/b/memory.current": "950\n",
		"proc/loadavg": "0.1 0.1 0.1 1/990 5\n",
		"proc/sys/kernel/threads-max": "1000\n",
	});
	const server = { pid: 7, words: [], blades: [], files: [], openFiles: 95, openFilesMax: 100 };
	t.strictSame(told(await limits.run(contextOf(machine, { servers: [server] }))), [
		"warn process 7 has 95 descriptors open, of 100",
		"warn a server that is started from here may have 256 descriptors open",
		"fault the control group of this process has room for 8 more threads, of 20",
		"warn the machine has 990 threads, of 1000 (kernel.threads-max)",
		"warn the control group of this process uses 950 of memory, of 1000",
		"note a server that is started from here may lock 64K of memory",
	]);
	t.match(
		told(await privileges.run(contextOf(machine)))[0],
		"fault this user may not send Ethernet frames (CAP_NET_RAW)",
	);
	const plenty = machineOf({
		"proc/self/limits": line("Max open files", "unlimited"),
		"proc/self/status": "CapEff:\tffffffffffffffff\n",
	});
	t.strictSame(told(await limits.run(contextOf(plenty.machine))), [
		"ok descriptors, threads and memory are within their limits",
	]);
	t.strictSame(told(await privileges.run(contextOf(plenty.machine))), [
		"ok this user may do all that serving needs",
	]);
});

t.test("frames that are lost are told by where; those of now are worse", async (t) => {
	const folder = "sys/class/net/lan0/statistics";
	const { machine, put } = machineOf({
		[`${folder}/rx_missed_errors`]: "5\n",
		[`${folder}/tx_dropped`]: "1\n",
		"proc/net/softnet_stat": "00000001 00000000 00000000\n0000000a 00000010 00000000\n",
	});
	const looked = Promise.resolve(drops.run(contextOf(machine)));
	put(`${folder}/tx_dropped`, "4\n");
	t.strictSame(told(await looked), [
		"note lan0: 5 frames were lost because the device's ring was full",
		"warn lan0: 3 frames in the last second were dropped on their way out",
		"note 16 frames were dropped because a processor's backlog was full",
	]);
});

t.test("rings and flow control, as far as a driver tells", async (t) => {
	const ring = { receive: 128, receiveMax: 4096, send: 512, sendMax: 4096 };
	t.strictSame(told(ofHardware("lan0", { ring, pause: { receive: true, send: false } })), [
		"warn lan0: the ring has room for 128 frames, of 4096 that it could have",
		"note lan0: flow control is on one way only",
	]);
	t.strictSame(
		told(ofHardware("lan0", { ring: { ...ring, receive: 4096 }, pause: { receive: true, send: true } })),
		["ok lan0: the ring has room for 4096 frames, of 4096", "ok lan0: flow control is on, both ways"],
	);
	t.match(told(ofHardware("lan0", {})), [
		"note lan0: its driver does not tell the size of its ring",
		/^note/,
	]);
});

t.test("servers are known by their command lines, and by the network that they are in", async (t) => {
	const words = (...all: string[]): string => all.map((word) => `${word}\0`).join("");
	const { machine } = machineOf({
		"proc/self/ns/net": "-> net:[1]",
		"proc/10/ns/net": "-> net:[1]",
		"proc/10/cmdline": words(
			"node",
			"--max-semi-space-size=1",
			"/usr/bin/vblade",
			"-b",
			"9",
			"9",
			"0",
			"eth*,lan1",
			"/a.img",
			"9",
			"1",
			"pcap:lan0",
			"/b",
		),
		"proc/10/comm": "node\n",
		"proc/10/limits": "Max open files            20                   20\n",
		"proc/10/fd/2": "-> /var/log/a.log",
		"proc/10/fd/3": "-> /a.img",
		"proc/10/fd/4": "-> socket:[5]",
		"proc/10/fd/5": "-> /dev/null",
		"proc/10/fd/6": "-> /dev/sda1",
		"proc/11/ns/net": "-> net:[2]",
		"proc/11/cmdline": words("node", "/usr/bin/vblade", "9", "3", "lan0", "/a"),
		"proc/12/cmdline": words("/usr/bin/vblade", "discover", "lan0"),
		"proc/13/cmdline": words("sh", "-c", "x", "/usr/bin/vblade", "9", "4", "lan0", "/a"),
		"proc/13/comm": "sh\n",
		"proc/14/cmdline": words("/usr/sbin/nbd-server"),
	});
	const servers = findServers(machine);
	t.match(servers, [
		{ pid: 10, openFiles: 5, openFilesMax: 20, files: [{ name: "/a.img" }, { name: "/dev/sda1" }] },
	]);
	t.equal(servers.length, 1);
	t.strictSame([...servedByProcess(servers, "eth5")], [["9.0", 10]]);
	t.strictSame([...servedByProcess(servers, "lan0")], [["9.1", 10]]);
});
