/**
 * What becomes of the interfaces that are served on: renamed, moved, deleted, made again, or known by other names. Each is told
 * once, and shown by SIGUSR1.
 */

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { pause, until } from "../support/cleanup.js";
import { FramePort } from "../support/frame-port.js";
import { ataFrame, BROADCAST, configFrame, fieldsOf, respondsTo } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { lines, onStage, report, serve } from "./interfaces-bench.js";
import { CLIENT_MAC, SERVER_MAC, type Stage } from "./stage.js";

const LONG_NAME = "enp129s0f1np1-storage-network-of-the-second-rack";

t.setTimeout(230_000);

/** Waits for an answer on another interface of the client. */
async function answersOn(t: Test, stage: Stage, name: string): Promise<void> {
	const other = await FramePort.open(stage.lan.client, name);
	t.teardown(() => other.close());
	// It asks there first whether others serve the same.
	const answered = async () => {
		const query = stage.header({ dst: BROADCAST });
		const replies = await other.answers(configFrame(query, 0), (frame) => respondsTo(frame, query.tag), 200);
		return replies.length > 0;
	};
	await until("an answer from the other interface", answered, LIMIT_MS);
}

onStage("an interface that is renamed", async (t, stage) => {
	const { server: side, client } = stage.lan;
	const server = await serve(stage, "lan0");
	const rename = (from: string, to: string) => {
		side.ip("link", "set", from, "down");
		side.ip("link", "set", from, "name", to);
		side.ip("link", "set", to, "up");
	};
	t.match(await report(server), /: lan0: up\n.*: lan0: 1 blade served\n/s, "shown by SIGUSR1");
	rename("lan0", "enp3s0");
	await server.waitFor(/info: lan0: was renamed, now called enp3s0; served on\n/, LIMIT_MS);
	await server.waitFor(/info: lan0: the link is up\n/, LIMIT_MS);
	t.equal(await stage.recovery(server), "answers again", "served on");
	t.match(await report(server), /: lan0: up, now called enp3s0\n/, "and shown");
	side.ip("link", "set", "enp3s0", "mtu", "9000");
	client.ip("link", "set", "lan0", "mtu", "9000");
	await stage.closePort();
	const port = await stage.port();
	const header = stage.header();
	const big = ataFrame(header, { command: 0x24, aflags: 0x40, count: 16 });
	await until(
		"the new MTU",
		async () => (await stage.askInVain()).some((r) => fieldsOf(r).sectorsPerFrame === 16),
		5000,
	);
	const [reply] = await port.exchange(big, (frame) => respondsTo(frame, header.tag));
	t.equal(reply?.length, 36 + 16 * 512, "a new MTU under the new name is followed");
	await server.waitFor(/info: lan0: MTU is now 9000\n/, LIMIT_MS);
	t.equal(lines(server, /info: lan0: MTU is now 9000$/), 1, "and told");

	stage.lan.cable("lan0x");
	side.ip("link", "set", "lan0x", "down");
	side.ip("link", "set", "lan0x", "name", "lan0");
	await server.waitFor(/warn: lan0: another interface has this name now; still served on enp3s0\n/, LIMIT_MS);
	side.ip("link", "set", "lan0", "up");
	t.equal((await stage.ask()).length, 1, "another interface gets the old name: the first one is served on");
	await pause(50);
	t.equal(lines(server, /another interface has this name/), 1, "told once");

	await stage.closePort();
	side.ip("link", "delete", "enp3s0");
	await server.waitFor(/warn: lan0: the interface was deleted; waiting for one of this name\n/, LIMIT_MS);
	await server.waitFor(/info: lan0: there is an interface of this name again, up\n/, LIMIT_MS);
	await answersOn(t, stage, "lan0x");
	t.pass("when the first one is gone, the other is served on");
	t.match(await report(server), /: lan0: up\n/);
	t.equal(server.ended, undefined);
});

onStage("an interface that goes down, is deleted, is moved, and comes back", async (t, stage) => {
	const { server: side, client } = stage.lan;
	const server = await serve(stage, "lan0");
	side.ip("link", "set", "lan0", "down");
	await server.waitFor(/info: lan0: the link is down\n/, LIMIT_MS);
	t.match(await report(server), /: lan0: down\n/, "down: told and shown");
	side.ip("link", "set", "lan0", "up");
	await server.waitFor(/info: lan0: the link is up\n/, LIMIT_MS);
	client.ip("link", "set", "lan0", "down");
	await until("no carrier", () => lines(server, /the link is down/) === 2, LIMIT_MS);
	client.ip("link", "set", "lan0", "up");
	await until("a carrier", () => lines(server, /the link is up/) === 2, LIMIT_MS);
	t.equal(await stage.recovery(server), "answers again");

	await stage.closePort();
	stage.lan.cut("lan0");
	await server.waitFor(/warn: lan0: the interface was deleted; waiting for one of this name\n/, LIMIT_MS);
	t.match(await report(server), /: lan0: gone\n/, "deleted: told and shown");
	stage.lan.cable("lan0", { serverMac: SERVER_MAC, clientMac: CLIENT_MAC });
	await server.waitFor(/info: lan0: there is an interface of this name again, (up|down)\n/, LIMIT_MS);
	t.equal(await stage.recovery(server), "answers again", "made again: told, and served");

	const from = server.output.length;
	side.ip("link", "set", "lan0", "netns", client.name, "name", "away0");
	await server.waitFor(
		/warn: lan0: the interface was moved to another network namespace; waiting/,
		LIMIT_MS,
		from,
	);
	t.match(await report(server), /: lan0: gone\n/, "moved: told and shown");
	ip("-n", client.name, "link", "set", "away0", "netns", side.name, "name", "lan0");
	side.ip("link", "set", "lan0", "up");
	await server.waitFor(/info: lan0: there is an interface of this name again/, LIMIT_MS, from);
	t.equal(await stage.recovery(server), "answers again", "and served when it is moved back");
	t.equal(lines(server, /was deleted/), 1, "each is told once");
	t.equal(lines(server, /was moved/), 1);
});

onStage("an interface with long alternative names", async (t, stage) => {
	const { server: side, client } = stage.lan;
	for (const end of [side, client])
		end.ip("link", "property", "add", "dev", "lan0", "altname", LONG_NAME, "altname", "short0");
	const server = await serve(stage, `${LONG_NAME},lan0,short0`);
	t.equal((await stage.ask()).length, 1, "three names of one interface: it answers once");
	t.match(await report(server), `: ${LONG_NAME}: up\n`);
	side.ip("link", "property", "del", "dev", "lan0", "altname", LONG_NAME);
	await server.waitFor(/has lost this name, now called lan0; served on\n/, LIMIT_MS);
	side.ip("link", "property", "add", "dev", "lan0", "altname", LONG_NAME);
	await server.waitFor(/has its name again\n/, LIMIT_MS);
	t.equal((await stage.ask()).length, 1, "a name may go and come");

	const command = (...args: string[]) => client.start([...vbladeCommand(), ...args]).finished(LIMIT_MS);
	t.equal((await command("discover", "short0")).code, 0, "discover and bench know such names, too");
	t.equal((await command("bench", "--requests=100", LONG_NAME, "9", "0")).code, 0);
	const missing = stage.start("9", "0", "x".repeat(127), "mem:512K");
	t.match(await missing.finished(LIMIT_MS), { code: 2 });
	t.match(
		missing.stderr,
		/there is no such network interface/,
		"as long a name as there can be, of no interface",
	);

	await stage.closePort();
	stage.lan.cut("lan0");
	await server.waitFor(/the interface was deleted/, LIMIT_MS);
	stage.lan.cable("lan0", { serverMac: SERVER_MAC, clientMac: CLIENT_MAC });
	side.ip("link", "property", "add", "dev", "lan0", "altname", LONG_NAME);
	await server.waitFor(/there is an interface of this name again/, LIMIT_MS);
	t.equal(await stage.recovery(server), "answers again", "made again, it is found by it");
});

onStage("no socket can be opened for a while", async (t, stage) => {
	const { server: side } = stage.lan;
	const server = await serve(stage, "lan0");
	const [, pid = ""] = await server.waitFor(/^pid (\d+): e9\.0/m, LIMIT_MS);
	const limit = (files: string) => execFileSync("prlimit", ["--pid", pid, `--nofile=${files}`]);
	limit("3:");
	side.ip("link", "set", "lan0", "mtu", "1400");
	await server.waitFor(/warn: lan0: can't open a packet socket \(.*\); waiting\n/, LIMIT_MS);
	t.match(await report(server), /: lan0: up, but no socket \(EMFILE\)\n/, "shown by SIGUSR1");
	limit("1024:");
	t.equal(await stage.recovery(server), "answers again");
	t.match(await report(server), /: lan0: up\n/);
});

/** Bytes of the rings that a process shares with the kernel. */
function ringBytes(pid: number): number {
	let bytes = 0;
	for (const line of readFileSync(`/proc/${pid}/maps`, "utf8").split("\n")) {
		const [, from = "", to = ""] = /^([0-9a-f]+)-([0-9a-f]+) .* socket:/.exec(line) ?? [];
		if (to !== "") bytes += Number.parseInt(to, 16) - Number.parseInt(from, 16);
	}
	return bytes;
}

onStage("many interfaces, a blade on each", async (t, stage) => {
	const INTERFACES = 64;
	const { server: side } = stage.lan;
	const names = Array.from({ length: INTERFACES }, (_, i) => `many${i}`);
	const cables = names.flatMap((name) => [
		`link add ${name} type veth peer name ${name}p`,
		`link set ${name} up`,
		`link set ${name}p up`,
	]);
	execFileSync("ip", ["-n", side.name, "-batch", "-"], { input: cables.join("\n"), timeout: LIMIT_MS });
	const started = async (...args: string[]) => {
		const server = stage.start(...args);
		const [, pid = ""] = await server.waitFor(/^pid (\d+): e9\.0/m, LIMIT_MS);
		const bytes = ringBytes(Number(pid));
		await server.stop();
		return bytes;
	};
	const alone = await started("9", "0", "many0", "mem:1M");
	const together = await started(...names.flatMap((name, i) => ["9", String(i), name, "mem:1M"]));
	t.ok(alone > 256 * 1514, `${alone} bytes for one`);
	t.equal(together / INTERFACES, alone, "each has the ring that its own blade needs");
	const shared = await started(...names.flatMap((_, i) => ["9", String(i), "many0", "mem:1M"]));
	t.ok(shared > 4 * alone, "an interface with many blades has a larger one");
});
