/**
 * Debian's aoetools against our server: each of its programs that needs no kernel driver. The others say that they do, which
 * is asked of them, so that none is forgotten; `test/kernel/` has some of those.
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { FILE_SECTORS, SERVER_MAC, Stage } from "./stage.js";

const skip = namespacesMissing() ?? false;
const SERVER_MAC_DIGITS = SERVER_MAC.replaceAll(":", "");

/** Runs a program at the other end of the cable. */
async function tool(stage: Stage, ...command: string[]) {
	return run(command, LIMIT_MS, { namespace: stage.lan.client.name });
}

/** What aoecfg reads and sets. */
async function configures(t: Test, stage: Stage): Promise<void> {
	const aoecfg = (...options: string[]) => tool(stage, "aoecfg", "-t", "1", ...options, "9", "0", "lan0");
	t.match(await aoecfg("-c", "set", "-s", "hello"), { code: 0, stdout: "hello\n" }, "set");
	t.match(await aoecfg(), { stdout: "hello\n" }, "read");
	t.match(await aoecfg("-c", "test", "-s", "hello"), { stdout: "hello\n" }, "a test that matches");
	t.match(await aoecfg("-c", "test", "-s", "hell"), { stdout: /^$/ }, "a test that does not");
	t.match(await aoecfg("-c", "prefix", "-s", "hell"), { stdout: "hello\n" }, "a prefix");
	t.match(await aoecfg("-c", "prefix", "-s", "ello"), { stdout: /^$/ }, "what is none");
	t.match(await aoecfg("-c", "set", "-s", "other"), { stdout: /badcfg/ }, "refused while there is another");
	t.match(await aoecfg("-c", "fset", "-s", "other"), { stdout: "other\n" }, "forced");
	// The specification has 1024, but then aoecfg overruns a buffer of its own.
	const long = "x".repeat(1000);
	t.match(await aoecfg("-c", "fset", "-s", long), { stdout: `${long}\n` }, "a long one");
}

t.jobs = 2;

t.test("one blade, small frames", { skip }, async (t) => {
	const stage = new Stage(vbladeCommand());
	t.teardown(() => stage.close());
	await stage.serve();
	// It listens for seconds, so it does that beside the rest.
	const sancheck = tool(stage, "aoe-sancheck", "lan0");
	const aoeping = (...options: string[]) => tool(stage, "aoeping", "-s", "20", ...options, "9", "0", "lan0");

	await t.test("aoeping", async (t) => {
		const found = new RegExp(`found e9\\.0 with mac ${SERVER_MAC_DIGITS}`);
		t.match(await aoeping("-v"), { code: 0, stdout: found }, "finds the blade");
		t.match(
			await aoeping("-I"),
			{ code: 0, stdout: /model: vblade ATA over Ethernet disk/ },
			"identifies it",
		);
		const { stdout } = await aoeping("-i");
		const bytes = [...stdout.matchAll(/\b[0-9a-f]{2}\b/g)].map(([byte]) => Number.parseInt(byte, 16));
		t.equal(bytes.length, 512, "all of IDENTIFY DEVICE");
		t.equal(Buffer.from(bytes).readUInt32LE(120), FILE_SECTORS, "with the size");
		const tagged = await aoeping("-v", "-t", "5");
		t.match(tagged, { code: 0, stdout: /\b80 00 00 05\b/ }, "its tag comes back");
		t.not((await tool(stage, "aoeping", "-s", "1", "9", "1", "lan0")).code, 0, "nobody at another slot");
	});

	await t.test("aoeping and SMART", async (t) => {
		for (const command of ["disable", "enable", "return_status", "offline_immediate"]) {
			t.match(await aoeping("-S", command), { code: 0, stdout: /Status: 0x40/ }, command);
		}
		t.match(await aoeping("-S", "return_status"), { stdout: /LBA Mid: 0x4f\s+LBA High: 0xc2/ }, "healthy");
		for (const command of ["read_data", "read_log:0"]) {
			t.match(await aoeping("-S", command), { code: 0, stdout: /SMART data:/ }, command);
		}
		const write = 'head -c 512 /dev/zero | aoeping -s 20 -S write_log:128 "$@"';
		const written = await tool(stage, "sh", "-c", write, "sh", "9", "0", "lan0");
		t.match(written, { code: 1, stderr: /aborted/ }, "there is no log to write");
		await aoeping("-S", "disable");
		t.match(await aoeping("-S", "read_data"), { code: 1, stderr: /aborted/ }, "refused while it is disabled");
		await aoeping("-S", "enable");
	});

	await t.test("aoecfg", (t) => configures(t, stage));

	await t.test("aoe-sancheck", async (t) => {
		const { stdout } = await sancheck;
		t.match(stdout, /^e9\.0\s+1\s+1024\s+lan0$/m, "one path, with frames of two sectors");
	});
});

t.test("two blades on two links, jumbo frames", { skip }, async (t) => {
	const stage = new Stage(vbladeCommand(), { mtu: 9000 });
	t.teardown(() => stage.close());
	stage.lan.cable("lan1", { mtu: 9000 });
	const blades = [stage.file, stage.addFile("other.img")].flatMap((file, slot) => [
		"9",
		`${slot}`,
		"lan0,lan1",
		file,
	]);
	const vblade = stage.start(...blades);
	await vblade.waitFor(/^pid \d+: e9\.1/m, LIMIT_MS);
	stage.lan.client.ip("link", "set", "lan1", "mtu", "1500");
	const sancheck = tool(stage, "aoe-sancheck", "-v");

	await t.test("aoecfg asks everybody", async (t) => {
		for (const [slot, text] of ["zero", "one"].entries())
			await tool(stage, "aoecfg", "-t", "1", "-c", "set", "-s", text, "9", String(slot), "lan1");
		const { stdout } = await tool(stage, "aoecfg", "-t", "1", "lan0");
		t.same(stdout.trim().split("\n").sort(), ["9.0\tzero", "9.1\tone"], "each blade answers, once");
	});

	await t.test("aoe-sancheck", async (t) => {
		const { code, stdout } = await sancheck;
		t.equal(code, 0);
		for (const slot of [0, 1]) {
			t.match(
				stdout,
				new RegExp(`^e9\\.${slot}\\s+2\\s+8192\\s+lan0,lan1$`, "m"),
				`e9.${slot} has two paths`,
			);
			t.match(
				stdout,
				new RegExp(`^e9\\.${slot} ${SERVER_MAC_DIGITS} 17$`, "m"),
				"and is measured on the first",
			);
		}
		t.equal(stdout.match(/ lan1: MTU different from other interfaces \(1500 vs. 9000\)/g)?.length, 2);
	});
});

/** What becomes of each program without a driver. */
const WITHOUT_DRIVER = {
	"aoe-discover": { args: [], says: /discover does not exist/ },
	"aoe-flush": { args: [], says: /flush does not exist/ },
	"aoe-revalidate": { args: ["e9.0"], says: /revalidate does not exist/ },
	"aoe-interfaces": { args: ["lo"], says: /interfaces does not exist/ },
	"coraid-update": { args: ["/etc/passwd", "/dev/etherd/e9.0"], says: /is not an AoE target/ },
	// These are about the driver's devices: they list them, and make nodes for them.
	"aoe-stat": { args: [], says: /^$/ },
	"aoe-mkdevs": { args: [], says: /Usage/ },
	"aoe-mkshelf": { args: [], says: /Usage/ },
} as const;
/** Those above have been put before our server. */
const TRIED = ["aoeping", "aoecfg", "aoe-sancheck", "aoe-version"];

t.test("the other programs need the driver", { skip }, async (t) => {
	const { stdout: files } = spawnSync("dpkg", ["-L", "aoetools"], { encoding: "utf8" });
	const programs = files.split("\n").filter((file) => /\/s?bin\/./.test(file));
	const known = [...TRIED, ...Object.keys(WITHOUT_DRIVER)];
	t.same(programs.map((file) => path.basename(file)).sort(), known.sort(), "all that there are");
	const version = await run(["aoe-version"], LIMIT_MS);
	t.match(version, { code: 0, stdout: /aoetools:\s+\d+/ }, "aoe-version asks nobody");
	if (existsSync("/sys/module/aoe")) return t.comment("this machine has the driver");
	for (const [program, { args, says }] of Object.entries(WITHOUT_DRIVER))
		t.match(await run([program, ...args], LIMIT_MS), { code: 1, output: says }, program);
});
