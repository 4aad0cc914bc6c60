// Other people's clients of NBD on `vblade nbd --tls`: libnbd and nbdkit, which have GnuTLS, and QEMU's; by certificates and by keys. Who may
// not come in is told why, here and there.

import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { inNamespace } from "../support/in-namespace.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";
import { Certificates } from "./certificates.js";

const MIB = 1024 * 1024;
const LIMIT_MS = 60_000;
const NEEDED = ["nbdinfo", "nbdcopy", "qemu-img", "openssl"];
const ADDRESS = "127.0.0.1:10809";

const folder = t.testdir();

async function serve(t: Test, ...argv: string[]): Promise<Program> {
	const program = new Program([...vbladeCommand(), "nbd", ...argv]);
	t.teardown(async () => void (await program.stop()));
	await program.waitFor(/ sectors /, LIMIT_MS);
	return program;
}

async function said(...command: string[]): Promise<string> {
	const { code, output } = await run(command, LIMIT_MS);
	if (code !== 0) throw new Error(`${command.join(" ")}: ${code}: ${output}`);
	return output;
}

async function refused(...command: string[]): Promise<string> {
	const { code, output } = await run(command, LIMIT_MS);
	if (code === 0) throw new Error(`${command.join(" ")}: was let in: ${output}`);
	return output;
}

const qemu = (endpoint: string, ...more: string[]): string[] => [
	...["qemu-img", "info", "--object", `tls-creds-x509,id=t,endpoint=client,dir=${endpoint}`],
	...["--image-opts", `driver=nbd,host=localhost,port=10809,tls-creds=t`, ...more],
];

async function certificates(t: Test, made: Certificates): Promise<void> {
	const { certificate, key } = made.make("server", "localhost");
	made.make("backup");
	const image = path.join(folder, "image");
	writeFileSync(image, Buffer.alloc(8 * MIB, "what is copied"));
	const disk = path.join(folder, "disk.img");
	writeFileSync(disk, "");
	truncateSync(disk, 8 * MIB);
	const keys = [`--tls-certificate=${certificate}`, `--tls-key=${key}`, `--tls-ca=${made.ca}`];
	const server = await serve(t, "--verbose", "--tls=require", ...keys, ADDRESS, disk);
	const uri = `nbds://localhost/?tls-certificates=${made.endpoint("client", "backup")}`;
	t.match(await said("nbdinfo", uri), /with TLS/);
	t.match(server.output, /127\.0\.0\.1:\d+ \(cn:backup\) is connected/);
	await said("nbdcopy", image, uri);
	await said("nbdcopy", uri, path.join(folder, "copy"));
	t.ok(readFileSync(path.join(folder, "copy")).equals(readFileSync(image)));
	t.ok(readFileSync(disk).equals(readFileSync(image)));
	t.match(await said(...qemu(made.endpoint("client", "backup"))), /virtual size: 8 MiB/);

	t.match(await refused("qemu-img", "info", `nbd://${ADDRESS}`), /TLS/, "no plain client");
	t.match(await refused(...qemu(made.endpoint("client"))), /this client has shown no certificate/);
	await server.waitFor(/was refused: TLS: this client has shown no certificate/, LIMIT_MS);
	const other = new Certificates(path.join(folder, "others"));
	other.make("backup");
	const wrong = other.endpoint("client", "backup");
	writeFileSync(path.join(wrong, "ca-cert.pem"), readFileSync(made.ca));
	await refused("nbdinfo", `nbds://localhost/?tls-certificates=${wrong}`);
	await server.waitFor(
		/was refused: TLS: of this client: the certificate is of no CA that is trusted/,
		LIMIT_MS,
	);
	await refused("nbdinfo", `nbds://localhost/?tls-certificates=${other.endpoint("client")}`);
	await server.waitFor(/was refused: TLS: the other end (refuses: |has hung up)/, LIMIT_MS);
	t.equal(await server.stop().then(({ code }) => code), 0);
}

async function keys(t: Test, made: Certificates): Promise<void> {
	chmodSync(made.psk, 0o644);
	const server = await serve(t, "--verbose", "--tls=require", `--tls-psk=${made.psk}`, ADDRESS, "mem:8M");
	t.match(server.output, /keys\.psk: everyone can read this key/);
	const uri = (user: string, file: string) => `nbds://${user}@localhost/?tls-psk-file=${file}`;
	for (const user of ["alice", "bob"]) {
		t.match(await said("nbdinfo", uri(user, made.psk)), /with TLS/);
		t.match(server.output, new RegExp(`\\(psk:${user}\\) is connected`));
	}
	const wrong = path.join(folder, "wrong.psk");
	writeFileSync(wrong, "alice:ff112233445566778899aabbccddeeff\nmallory:ff112233445566778899aabbccddeeff\n");
	await refused("nbdinfo", uri("alice", wrong));
	await server.waitFor(/was refused: TLS: the other end has another key \(PSK\) by that name/, LIMIT_MS);
	await refused("nbdinfo", uri("mallory", wrong));
	await server.waitFor(
		/was refused: TLS: there is no key \(PSK\) by the name that the other end has/,
		LIMIT_MS,
	);
	await refused("nbdinfo", `nbds://localhost/?tls-certificates=${made.endpoint("client")}`);
	await server.waitFor(/was refused: TLS: the other end names no key \(PSK\)/, LIMIT_MS);
	t.notMatch(server.output, /0011223344|0102030405/, "no key is shown");
}

async function offered(t: Test, made: Certificates): Promise<void> {
	const { certificate, key } = made.make("server", "localhost");
	const files = [`--tls-certificate=${certificate}`, `--tls-key=${key}`];
	const server = await serve(t, "--tls=offer", ...files, ADDRESS, "mem:8M");
	t.match(await said("nbdinfo", `nbd://${ADDRESS}`), /without TLS/);
	t.match(await said("nbdinfo", `nbds://localhost/?tls-certificates=${made.endpoint("client")}`), /with TLS/);
	await server.stop();
	await serve(t, ADDRESS, "mem:8M");
	const without = await refused(...qemu(made.endpoint("client")));
	t.match(without, /TLS/, "where there is none, a client that wants it is told");
}

async function mistakes(t: Test, made: Certificates): Promise<void> {
	const { certificate, key } = made.make("server", "localhost");
	const other = made.make("other").key;
	const none = path.join(folder, "none.pem");
	const cases: [string[], RegExp][] = [
		[["--tls=yes"], /^vblade: tls "yes": off, offer or require is allowed$/m],
		[
			["--tls=require"],
			/^vblade: --tls require: --tls-certificate with --tls-key, or --tls-psk, is missing$/m,
		],
		[["--tls-psk=x"], /^vblade: --tls is missing: off, offer or require$/m],
		[
			["--tls=offer", `--tls-certificate=${certificate}`],
			/^vblade: --tls-certificate: --tls-key is missing/m,
		],
		[["--tls=offer", `--tls-psk=${none}`], /none\.pem: there is no such file$/m],
		[["--tls=offer", `--tls-psk=${key}`], /server-key\.pem:1: a line is NAME:KEY/],
		[["--tls=offer", `--tls-psk=${folder}`], /can't be read \(it is no regular file\)$/m],
		[
			["--tls=offer", `--tls-certificate=${key}`, `--tls-key=${key}`],
			/key\.pem: holds no certificate in PEM$/m,
		],
		[
			["--tls=offer", `--tls-certificate=${certificate}`, `--tls-key=${other}`],
			/other-key\.pem: is not the key of/,
		],
		[
			["--tls=offer", `--tls-psk=${made.psk}`, "--tls-ciphers=HOT"],
			/^vblade: ciphers "HOT": OpenSSL knows none/m,
		],
		[
			["--tls=offer", `--tls-psk=${made.psk}`, "--tls-threads=0"],
			/^vblade: tls-threads "0": a number of threads is/m,
		],
	];
	for (const [argv, told] of cases) {
		const { code, output } = await run([...vbladeCommand(), "nbd", ...argv, ADDRESS, "mem:8M"], LIMIT_MS);
		t.equal(code, 2, argv.join(" "));
		t.match(output, told);
		t.notMatch(output, /PRIVATE|\n\s+at /);
	}
}

const skip = programsMissing(...NEEDED);
if (skip !== undefined) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"]);
	const made = new Certificates(path.join(folder, "ca"));
	await t.test("certificates", (t) => certificates(t, made));
	await t.test("keys that both ends have", (t) => keys(t, made));
	await t.test("offered, and not there at all", (t) => offered(t, made));
	await t.test("what is wrong is said in a line that shows no key", (t) => mistakes(t, made));
}
