/** What `vblade check` knows of the machine: each thing that is not there, with its place. Mirrors lib/cli/check-here.ts. */

import { chmodSync, chownSync, linkSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { faultsHere } from "../../lib/cli/check-here.js";
import { type MachineHere, machineHere } from "../../lib/cli/machine-here.js";
import { readConfig } from "../../lib/spec/config.js";
import { MACHINE } from "./machine.js";

async function faults(text: string, machine: MachineHere = MACHINE) {
	const config = readConfig({ files: [{ path: "f", text }], debian: [] }, machine);
	if (Array.isArray(config)) throw new Error(config.join("\n"));
	const { errors, warnings } = await faultsHere(config, { file: "f", line: 1, column: 1 }, machine);
	const messages = (found: readonly Error[]) => found.map(({ message }) => message);
	return { errors: messages(errors), warnings: messages(warnings) };
}

/** That this, and nothing else, is wrong. */
async function finds(
	t: Test,
	text: string,
	wanted: { errors?: string[]; warnings?: string[] },
): Promise<void> {
	t.strictSame(await faults(text), { errors: [], warnings: [], ...wanted }, text);
}

t.test("users and groups", async (t) => {
	await finds(t, '[daemon]\nuser = "vblade"', {});
	await finds(t, '[daemon]\nuser = "nosuch"', { errors: ['f:2:1: user "nosuch": there is no such user'] });
	await finds(t, '[daemon]\nuser = "root"', {
		errors: ['f:2:1: user "root": is root; name an ordinary user'],
	});
	const bare = { ...MACHINE, user: () => "none" as const, hasGroup: () => false };
	t.strictSame(await faults("", bare), {
		errors: [],
		warnings: [
			'f:1:1: there is no user "vblade", and daemon.user names no other: the processes that serve become nobody',
			'f:1:1: there is no group "vblade": only root may ask the daemon',
		],
	});
	t.equal(machineHere.user("root"), "root");
	t.equal(machineHere.user("no such user"), "none");
	t.equal(machineHere.hasGroup("no such group"), false);
});

t.test("the token, and addresses to listen on", async (t) => {
	const folder = t.testdir({ token: "secret\n", empty: "\n" });
	const token = (name: string): string => `[http]\ntoken_file = "${path.join(folder, name)}"`;
	const outcome = "; without a token nobody can change anything over TCP";
	const told = (name: string, why: string) => ({
		errors: [`f:2:1: token_file ${path.join(folder, name)}: ${why}${outcome}`],
	});
	await finds(t, token("token"), {});
	await finds(t, token("none"), told("none", "there is no such file"));
	await finds(t, token("empty"), told("empty", "holds no token"));
	await finds(t, token(""), told("", "can't be read (not a regular file)"));
	await finds(t, '[http]\nlisten = ["127.0.0.1:1", "192.0.2.1:9470"]', {
		errors: ['f:2:26: listen "192.0.2.1:9470": this machine has no such address'],
		warnings: [
			'f:2:26: listen "192.0.2.1:9470": without a token_file nobody can see or change anything there',
		],
	});
	await finds(t, '[http]\nlisten = ["127.0.0.1:1", "[::1]:1"]', {});
});

t.test("pools", async (t) => {
	const folder = t.testdir({ head: "as the pool's" });
	const pool = (where: string): string => `[pool.fast]\npath = "${where}"\n`;
	await finds(t, pool(folder), {});
	const none = path.join(folder, "none");
	await finds(t, pool(none), {
		warnings: [`f:2:1: pool fast: ${none} is no pool now; vblade pool create makes one`],
	});
});

t.test("interfaces, once each", async (t) => {
	const disk = (name: string, slot: number, netif: string): string =>
		`[disk.${name}]\nmemory = "1M"\naoe = { address = "1.${slot}", netif = ${netif} }\n`;
	await finds(t, disk("a", 0, '["eth0", "alternative", "unix:/run/x"]'), {});
	await finds(t, disk("a", 0, '["eth0", "eth7"]'), {
		warnings: ['f:3:43: netif "eth7": there is no such interface now; disk a is served when it has come'],
	});
	await finds(t, disk("a", 0, '["eth7"]') + disk("b", 1, '["eth7"]'), {
		warnings: [
			'f:3:35: netif "eth7": there is no such interface now; disk a and 1 more are served when it has come',
		],
	});
	await finds(t, disk("a", 0, '["wlan*"]') + disk("b", 1, '["pcap:eth0"]'), {
		warnings: [
			`f:3:26: disk a: can't be served at present: netif "wlan*": no interface matches; there are lo, eth0`,
			`f:6:26: disk b: can't be served at present: netif "pcap:eth0": libpcap is not to be had in the daemon, only on the classic command line; name the interface itself`,
		],
	});
});

t.test("files of disks", async (t) => {
	const folder = t.testdir();
	const at = (name: string): string => path.join(folder, name);
	writeFileSync(at("a"), new Uint8Array(1024));
	writeFileSync(at("empty"), "");
	linkSync(at("a"), at("b"));
	mkdirSync(at("folder"));
	let slot = 0;
	const disk = (name: string, more = ""): string =>
		`[disk.${name}]\nfile = "${at(name)}"\naoe = { address = "1.${slot++}", netif = ["lo"] }\n${more}\n`;
	await finds(t, disk("a"), {});
	await finds(t, disk("a", "offset = 1\nlength = 1"), {});
	await finds(t, disk("a", "offset = 2") + disk("empty"), {
		warnings: [
			`f:2:1: disk a: ${at("a")} has 2 sectors, and the disk's offset and length want 3`,
			`f:6:1: disk empty: ${at("empty")} holds less than a sector; the disk is served when there is more`,
		],
	});
	await finds(t, `[disk.a]\nfile = "${at("a")}"`, {
		warnings: ["f:1:7: disk a: nothing serves it, for it has neither aoe nor nbd nor iscsi"],
	});
	await finds(t, disk("none") + disk("folder"), {
		warnings: [
			`f:2:1: disk none: ${at("none")} is not there now; the disk is served when it has come`,
			`f:6:1: disk folder: ${at("folder")} is neither a regular file nor a block device`,
		],
	});
	await finds(t, disk("b") + disk("a"), {
		warnings: [
			`f:6:1: disk a: ${at("a")} is the file of disk b (f:2:1) too, which comes first, and one of them may write: it is not served`,
		],
	});
	const both = `[disk.both]\nmirror = ["b", "a"]\naoe = { address = "1.9", netif = ["lo"] }\n`;
	const part = (name: string): string => `[disk.${name}]\nfile = "${at(name)}"\n`;
	await finds(t, both + part("b") + part("a"), {
		errors: [
			`f:7:1: disk a: ${at("a")} is the file of disk b (f:5:1) too, which comes first, and one of them may write: disk both can't be made of it`,
		],
	});
	await finds(t, disk("b", "read_only = true") + disk("a", "read_only = true"), {});
});

t.test("folders", async (t) => {
	const folder = t.testdir({ file: "" });
	const file = path.join(folder, "file");
	await finds(t, `[daemon]\nstate = "${folder}/new"\nallow = ["${folder}"]`, {});
	await finds(t, `[daemon]\nstate = "${file}"\nallow = ["${folder}", "${file}", "${folder}/new"]`, {
		errors: [`f:2:1: state ${file}: is a file, and no folder`],
		warnings: [
			`f:3:${14 + folder.length}: allow ${file}: is a file, and no folder`,
			`f:3:${18 + folder.length + file.length}: allow ${folder}/new: there is no such folder now`,
		],
	});
});

t.test("secrets of CHAP: what may come later is a warning, what can never work is an error", async (t) => {
	const folder = t.testdir({
		one: "no short secret\n",
		same: "no short secret\n",
		other: "another long one\n",
	});
	const at = (name: string): string => path.join(folder, name);
	for (const name of ["one", "same", "other"]) chmodSync(at(name), 0o600);
	const disk = (mutual: string): string =>
		`[iscsi]\nlisten = ["127.0.0.1:3260"]\n[disk.a]\nmemory = "1M"\n[disk.a.iscsi]\nchap = { user = "us", secret_file = "${at("one")}", mutual_user = "we", mutual_secret_file = "${at(mutual)}" }\n`;
	await finds(t, disk("other"), {});
	await finds(t, disk("none"), {
		warnings: [
			`f:6:1: disk a: chap: ${at("none")}: there is no such file; nobody can log in there until it can be read`,
		],
	});
	await finds(t, disk("same"), {
		errors: [
			`f:6:1: disk a: chap: ${at("one")} and ${at("same")}: hold the same secret; each direction needs one of its own`,
		],
	});
	chmodSync(at("other"), 0o602);
	await finds(t, disk("other"), {
		warnings: [`f:6:1: disk a: chap: ${at("other")}: everyone can write this secret (chmod o-w)`],
	});
});

t.test("a secret of CHAP that somebody else has", { skip: process.geteuid?.() !== 0 }, async (t) => {
	const folder = t.testdir({ secret: "no short secret\n" });
	const file = path.join(folder, "secret");
	chmodSync(file, 0o600);
	chownSync(file, 54_321, 0);
	await finds(
		t,
		`[iscsi]\nlisten = ["127.0.0.1:3260"]\n[disk.a]\nmemory = "1M"\n[disk.a.iscsi]\nchap = { user = "us", secret_file = "${file}" }\n`,
		{
			warnings: [`f:6:1: disk a: chap: ${file}: belongs to user 54321, who can change it (chown root)`],
		},
	);
});
