// Remote disks behind TLS, of other people's servers: nbdkit and QEMU's, which have GnuTLS; by certificates and by keys. What is not as it
// should be is told, and never is a server spoken to in the clear instead.

import { execFileSync } from "node:child_process";
import { readFileSync, truncateSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:net";
import path from "node:path";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";
import { Certificates } from "./certificates.js";

const LIMIT_MS = 90_000;
const MIB = 1024 * 1024;
const NEEDED = ["nbdkit", "nbdcopy", "nbdinfo", "openssl", "qemu-nbd", "fio"];

const folder = t.testdir();
const ours = path.join(folder, "ours");
const server = path.join(folder, "server");

async function nbdkit(t: Test, ...argv: string[]): Promise<Program> {
	const pidFile = path.join(folder, "pid");
	writeFileSync(pidFile, "");
	const program = new Program(["nbdkit", "-f", "-v", "-P", pidFile, ...argv, "memory", "8M"]);
	t.teardown(async () => void (await program.stop()));
	await program.waitFor(/written pidfile/, LIMIT_MS);
	return program;
}

/** What `vblade nbd` says when it can't have it. */
async function refused(uri: string): Promise<string> {
	const { code, output } = await run([...vbladeCommand(), "nbd", `unix:${ours}`, uri], LIMIT_MS);
	if (code !== 2) throw new Error(`${uri}: ${code}: ${output}`);
	return output;
}

async function copiedThrough(t: Test, uri: string): Promise<void> {
	const program = new Program([...vbladeCommand(), "nbd", `unix:${ours}`, uri]);
	await program.waitFor(/ sectors /, LIMIT_MS);
	const [image, copy] = ["image", "copy"].map((name) => path.join(folder, name)) as [string, string];
	writeFileSync(image, Buffer.alloc(8 * MIB, `what goes by ${uri}`));
	for (const argv of [
		[image, `nbd+unix:///?socket=${ours}`],
		[`nbd+unix:///?socket=${ours}`, copy],
	]) {
		const { code, output } = await run(["nbdcopy", ...argv], LIMIT_MS);
		t.equal(code, 0, output);
	}
	t.ok(readFileSync(copy).equals(readFileSync(image)));
	t.equal(await program.stop().then(({ code }) => code), 0);
}

async function certificates(t: Test, made: Certificates): Promise<void> {
	made.make("server", "localhost");
	made.make("backup");
	const endpoint = made.endpoint("server", "server");
	const kit = await nbdkit(
		t,
		"--tls=require",
		`--tls-certificates=${endpoint}`,
		"--tls-verify-peer",
		"-i",
		"0.0.0.0",
	);
	const client = made.endpoint("client", "backup");
	await copiedThrough(t, `nbds://localhost/?tls-certificates=${client}`);
	t.match(await refused("nbd://127.0.0.1/"), /TLS/, "this server wants TLS");
	const other = new Certificates(path.join(folder, "others"));
	other.make("backup");
	t.match(
		await refused(`nbds://localhost/?tls-certificates=${other.endpoint("client", "backup")}`),
		/the certificate is of no CA that is trusted here/,
	);
	t.match(
		await refused("nbds://localhost/"),
		/the certificate is of no CA that is trusted here/,
		"nor by this system",
	);
	t.match(
		await refused(`nbds://127.0.0.2/?tls-certificates=${client}`),
		/no TLS with the server: the certificate is another server's/,
	);
	t.match(
		await refused(`nbds://localhost/?tls-certificates=${made.endpoint("client")}`),
		/hung up|broken|refuses/,
		"it wants a certificate of ours",
	);
	await kit.stop();
	await nbdkit(t, "--tls=require", `--tls-certificates=${endpoint}`, "-U", server);
	await copiedThrough(t, `nbds+unix:///?socket=${server}&tls-certificates=${client}`);
}

async function keys(t: Test, made: Certificates): Promise<void> {
	const kit = await nbdkit(t, "--tls=require", `--tls-psk=${made.psk}`, "-i", "127.0.0.1");
	await copiedThrough(t, `nbds://alice@localhost/?tls-psk-file=${made.psk}`);
	t.match(
		await refused(`nbds://localhost/?tls-psk-file=${made.psk}`),
		/name the user whose key \(PSK\) it is/,
	);
	t.match(
		await refused(`nbds://carol@localhost/?tls-psk-file=${made.psk}`),
		/there is no key \(PSK\) for the user "carol"/,
	);
	const wrong = path.join(folder, "wrong.psk");
	writeFileSync(wrong, "alice:ff112233445566778899aabbccddeeff\n", { mode: 0o600 });
	t.match(await refused(`nbds://localhost/?tls-psk-file=${wrong}`), /no TLS with the server: /);
	await kit.stop();
	const there = await nbdkit(t, "--tls=require", `--tls-psk=${made.psk}`, "-U", `${server}2`);
	await copiedThrough(t, `nbds+unix://bob@/?socket=${server}2&tls-psk-file=${made.psk}`);
	await there.stop();
	const plain = await nbdkit(t, "--tls=off", "-i", "127.0.0.1");
	t.match(await refused(`nbds://alice@localhost/?tls-psk-file=${made.psk}`), /the server has no TLS for us/);
	t.notMatch(plain.output, /NBD_OPT_(GO|EXPORT_NAME|INFO)/, "nothing else was asked for in the clear");
}

async function qemu(t: Test, made: Certificates): Promise<void> {
	const image = path.join(folder, "qemu.img");
	writeFileSync(image, "");
	truncateSync(image, 8 * MIB);
	const serve = (credentials: string, ...more: string[]): Program => {
		const how = ["qemu-nbd", "-t", "-f", "raw", "-b", "127.0.0.1", "-x", "a disk"];
		const program = new Program([...how, "--object", credentials, "--tls-creds", "t", ...more, image]);
		t.teardown(async () => void (await program.stop()));
		return program;
	};
	const byCertificate = serve(
		`tls-creds-x509,id=t,endpoint=server,verify-peer=yes,dir=${made.endpoint("server", "server")}`,
	);
	const client = made.endpoint("client", "backup");
	const isThere = async (): Promise<boolean> =>
		!/Connection refused/.test((await run(["nbdinfo", "nbd://127.0.0.1/"], LIMIT_MS)).output);
	await until("it listens", isThere, LIMIT_MS);
	await copiedThrough(t, `nbds://localhost/a%20disk?tls-certificates=${client}`);
	await byCertificate.stop();
}

/** A server that says yes, and more, before TLS: that is no part of what is believed behind it. */
async function saysMore(t: Test, made: Certificates): Promise<void> {
	const heard: Buffer[] = [];
	const greeting = Buffer.concat([Buffer.from("NBDMAGICIHAVEOPT"), Buffer.from([0, 3])]);
	const yes = Buffer.alloc(20);
	yes.writeBigUInt64BE(0x3e889045565a9n);
	yes.writeUInt32BE(5, 8);
	yes.writeUInt32BE(1, 12);
	const far: Server = createServer((socket) => {
		socket.on("error", () => {});
		socket.write(greeting);
		socket.on("data", (bytes) => {
			heard.push(bytes);
			if (Buffer.concat(heard).length >= 20) socket.write(Buffer.concat([yes, yes, greeting]));
		});
	});
	await new Promise<void>((resolve) => far.listen(10809, "127.0.0.1", resolve));
	const client = made.endpoint("client", "backup");
	t.match(await refused(`nbds://localhost/?tls-certificates=${client}`), /no TLS with the server: /);
	const said = Buffer.concat(heard);
	t.equal(said.readUInt32BE(12), 5, "NBD_OPT_STARTTLS is the only option");
	t.equal(said[20], 22, "then TLS");
	await new Promise((resolve) => far.close(resolve));
}

async function killed(t: Test, made: Certificates): Promise<void> {
	const image = path.join(folder, "killed.img");
	writeFileSync(image, "");
	truncateSync(image, 16 * MIB);
	const serve = async (): Promise<Program> => {
		const keys = ["--tls=require", `--tls-psk=${made.psk}`];
		const program = new Program([
			...[...vbladeCommand(), "nbd", "--verbose", "--durability=flush", ...keys, "127.0.0.1:10809", image],
		]);
		t.teardown(async () => void (await program.stop()));
		await program.waitFor(/ sectors /, LIMIT_MS);
		return program;
	};
	let far = await serve();
	const near = new Program([
		...[...vbladeCommand(), "nbd", `unix:${ours}`, `nbds://alice@localhost/?tls-psk-file=${made.psk}`],
	]);
	t.teardown(async () => void (await near.stop()));
	await near.waitFor(/ sectors /, LIMIT_MS);
	const load = run(
		[
			...["fio", "--name=job", "--ioengine=nbd", `--uri=nbd+unix:///?socket=${ours}`, "--rw=randrw"],
			...["--bsrange=512-256k", "--bs_unaligned=0", "--iodepth=16", "--size=16M", "--rate=4m"],
			...["--verify=crc32c", "--verify_state_save=0"],
		],
		LIMIT_MS,
	);
	for (let kills = 0; kills < 3; kills++) {
		await far.waitFor(/ is connected/, LIMIT_MS);
		far.signal("SIGKILL");
		await far.end;
		far = await serve();
	}
	const { code, output } = await load;
	t.equal(code, 0, code === 0 ? "verified" : output);
}

const skip = programsMissing(...NEEDED);
if (skip !== undefined) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"]);
	const made = new Certificates(path.join(folder, "ca"));
	await t.test("certificates", (t) => certificates(t, made));
	await t.test("keys that both ends have", (t) => keys(t, made));
	await t.test("QEMU's server", (t) => qemu(t, made));
	await t.test("a server that says more than yes", (t) => saysMore(t, made));
	await t.test("one that is killed with -9 again and again is a pause", (t) => killed(t, made));
}
