// Remote disks of the daemon behind TLS: keys that root alone can read, for workers that are nobody; what is wrong with a connection is told
// with the disk; new keys are taken at the next connection; a server whose TLS is gone is waited for, and never spoken to in the clear.

import { execFileSync } from "node:child_process";
import { copyFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import type { RemoteState } from "../../lib/control/model.js";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";
import { Certificates } from "./certificates.js";

const skip = programsMissing("qemu-io", "openssl");
if (skip !== undefined) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const folder = t.testdir();
	const [made, strangers] = [path.join(folder, "ca"), path.join(folder, "strangers")].map(
		(each) => new Certificates(each),
	) as [Certificates, Certificates];
	const server = made.make("server", "localhost");
	const ours = made.make("near");
	const [far, near] = [new DaemonTree(), new DaemonTree()];
	const image = far.file("web.img");
	const farWith = (mode: string): string =>
		[
			`[nbd]\nlisten = ["0.0.0.0:10809"]\n[nbd.tls]\nmode = "${mode}"\ncertificate = "${server.certificate}"\n`,
			`key_file = "${server.key}"\nca = "${made.ca}"\npsk_file = "${made.psk}"\n`,
			`[disk.web]\nfile = "${image}"\n[disk.web.nbd]\n`,
		].join("");
	const socket = near.path("near.sock");
	const keys = near.path("near.psk");
	const ca = near.path("ca.pem");
	copyFileSync(made.ca, ca);
	writeFileSync(keys, "alice:00112233445566778899aabbccddeeff\nbob:ffff\n", { mode: 0o600 });
	// Each a part of its own: no two may write to one.
	let sectors = 0;
	const disk = (name: string, remote: string, length = 8): string => {
		const part = `offset = ${sectors}\nlength = ${length}\n`;
		sectors += length;
		return `[disk.${name}]\nremote = "${remote}"\n${part}interval = "1s"\nresend = 60\n[disk.${name}.nbd]\n`;
	};
	near.configure(
		[
			`[nbd]\nlisten = ["unix:${socket}"]\n[nbd.tls]\nmode = "off"\ncertificate = "${ours.certificate}"\n`,
			`key_file = "${ours.key}"\nca = "${ca}"\npsk_file = "${keys}"\n`,
			disk("certified", "nbds://localhost/web", 1024),
			disk("keyed", "nbds://alice@localhost/web"),
			disk("stranger", "nbds://bob@localhost/web"),
			disk("nobody", "nbds://carol@localhost/web"),
			disk("misnamed", "nbds://127.0.0.2/web"),
			disk("plain", "nbd://localhost/web"),
		].join(""),
	);
	far.configure(farWith("require"));
	await far.start();
	t.teardown(() => far.stop());
	await far.state("web", "open");
	await near.start();
	t.teardown(() => near.stop());

	const io = (command: string) =>
		run(["qemu-io", "-f", "raw", "-c", command, `nbd+unix:///certified?socket=${socket}`], LIMIT_MS);
	const why = (name: string, wanted: RegExp): Promise<void> =>
		until(
			`${name} says why`,
			async () => wanted.test(String((await near.ask("GET", `/api/v1/disks/${name}`)).body.reason)),
			LIMIT_MS,
		);
	const remoteNow = async () =>
		(await near.ask("GET", "/api/v1/disks/certified")).body.remote as unknown as RemoteState;
	const lost = (wanted: RegExp): Promise<void> =>
		until(
			"it is told why there is no TLS",
			async () => wanted.test(String((await remoteNow()).why)),
			LIMIT_MS,
		);
	const back = (): Promise<void> =>
		until("it is connected again", async () => (await remoteNow()).state === "connected", LIMIT_MS);

	t.test("by a certificate, and by a key, as whom the other end knows us", async (t) => {
		for (const name of ["certified", "keyed"]) await near.state(name, "open");
		t.notMatch((await io("write -P 7 0 64k")).output, /fail|error/i);
		type Clients = { identity: string | null; encryption: string | null }[];
		let clients: Clients = [];
		// (Control looks at workers from time to time.)
		await until(
			"both are shown",
			async () => {
				const { body } = await far.ask("GET", "/api/v1/disks/web");
				({ clients } = body.nbd as unknown as { clients: Clients });
				return clients.length === 2;
			},
			LIMIT_MS,
		);
		t.strictSame(clients.map(({ identity }) => identity).sort(), ["cn:near", "psk:alice"]);
		for (const { encryption } of clients) t.match(encryption, /^TLSv1\.3 /);
	});

	t.test("what is wrong is told with the disk, and takes down that one alone", async () => {
		await why("stranger", /no TLS with the server: /);
		await why("nobody", /there is no key \(PSK\) for the user "carol"/);
		await why("misnamed", /no TLS with the server: the certificate is another server's/);
		await why("plain", /the server wants TLS for its export "web", as nbds:\/\/ has it/);
	});

	t.test("what the files hold at the next connection counts; what is under way waits for it", async (t) => {
		copyFileSync(strangers.ca, ca);
		await far.kill("worker");
		await lost(/the certificate is of no CA that is trusted here/);
		const reading = io("read -P 7 0 64k");
		copyFileSync(made.ca, ca);
		await back();
		t.notMatch((await reading).output, /fail|error/i);
	});

	t.test("a server whose TLS is gone is not spoken to in the clear", async (t) => {
		far.configure(farWith("off"));
		t.ok(await far.reload());
		await far.kill("worker");
		await lost(/the server has no TLS for us/);
		const reading = io("read -P 7 0 64k");
		far.configure(farWith("require"));
		t.ok(await far.reload());
		await back();
		t.notMatch((await reading).output, /fail|error/i);
	});

	t.test("files that can't be read are told by check and in the log; those of before go on", async (t) => {
		writeFileSync(ca, "no certificate\n");
		const { code, output } = await run([...vbladeCommand(), "check", near.path("vblade.toml")], LIMIT_MS);
		t.not(code, 0);
		t.match(output, /:\d+:\d+: tls: .*ca\.pem: holds no certificate in PEM/);
		await far.kill("worker");
		await near.program.waitFor(
			/tls: .*ca\.pem: holds no certificate in PEM: the keys that were read before go on/,
			LIMIT_MS,
		);
		await back();
		t.notMatch((await io("read -P 7 0 64k")).output, /fail|error/i);
	});
}
