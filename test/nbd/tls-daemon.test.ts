// TLS in the daemon: keys that root alone can read, for workers that are nobody; who may have a disk by whom he has proved to be; keys that
// a reload changes, that are missing, and that come back. The client is libnbd's nbdinfo, with GnuTLS.

import { execFileSync } from "node:child_process";
import { renameSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { programsMissing } from "../support/programs.js";
import { Certificates } from "./certificates.js";

const ADDRESS = "127.0.0.1:10809";

const skip = programsMissing("nbdinfo", "openssl");
if (skip !== undefined) t.pass("not run", { skip });
else if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const made = new Certificates(path.join(t.testdir(), "ca"));
	const { certificate, key } = made.make("server", "localhost");
	for (const name of ["backup", "reader", "other"]) made.make(name);
	const tree = new DaemonTree();
	const tls = (mode: string): string =>
		`[nbd]\nlisten = ["${ADDRESS}"]\n[nbd.tls]\nmode = "${mode}"\ncertificate = "${certificate}"\nkey_file = "${key}"\nca = "${made.ca}"\npsk_file = "${made.psk}"\n`;
	const disk = `[disk.web]\nmemory = "8M"\n[disk.web.nbd]\nclients = ["cn:backup", "psk:alice"]\nreaders = ["cn:reader"]\n`;
	const info = async (query: string, user = ""): Promise<string> =>
		(await run(["nbdinfo", `nbds://${user}localhost/web?${query}`], LIMIT_MS)).output;
	const as = (name: string): Promise<string> => info(`tls-certificates=${made.endpoint("client", name)}`);

	tree.configure(`${tls("require")}${disk}`);
	await tree.start();
	t.teardown(() => tree.stop());
	await tree.state("web", "open");

	t.test("who may have a disk is told by certificates and keys", async (t) => {
		t.match(await as("backup"), /is_read_only: false/);
		t.match(await as("reader"), /is_read_only: true/);
		t.match(await info(`tls-psk-file=${made.psk}`, "alice@"), /is_read_only: false/);
		t.notMatch(await as("other"), /export-size/);
		t.notMatch(await info(`tls-psk-file=${made.psk}`, "bob@"), /export-size/);
		t.notMatch((await run(["nbdinfo", `nbd://${ADDRESS}/web`], LIMIT_MS)).output, /export-size/);
		await tree.program.waitFor(/127\.0\.0\.1:\d+ \(cn:other\) was refused: it is not among those/, LIMIT_MS);
	});

	t.test("who comes to nothing by TLS is an event, is counted, and told with the reason", async (t) => {
		t.notMatch(await info(`tls-certificates=${made.endpoint("client")}`), /export-size/);
		const why = /this client has shown no certificate/;
		const status = async (): Promise<string> =>
			(await run([...vbladeCommand(), "status", "--socket", tree.socket], LIMIT_MS)).output;
		await until("it is told", async () => /nbd tls +refused \d+, last 127/.test(await status()), LIMIT_MS);
		t.match(await status(), why);
		const { body } = await tree.ask("GET", "/api/v1/events");
		t.match(JSON.stringify(body), /"nbd-tls","severity":"warning"[^}]*has shown no certificate/);
		const { text } = (await tree.ask("GET", "/metrics")).body as { text?: string };
		t.match(text, /^vblade_nbd_tls_refused_total [1-9]/m);
	});

	t.test(
		"a reload takes new keys; where they are missing, those of before go on, and the status tells",
		async (t) => {
			writeFileSync(made.psk, "carol:0102030405060708\n", { mode: 0o600 });
			t.ok(await tree.reload());
			const carol = (): Promise<string> => info(`tls-psk-file=${made.psk}`, "carol@");
			const isKnown = async (): Promise<boolean> => {
				await carol();
				return tree.program.output.includes("(psk:carol) was refused: it is not among");
			};
			await until("the new key is known", isKnown, LIMIT_MS);
			renameSync(key, `${key}.away`);
			t.ok(await tree.reload());
			await tree.program.waitFor(
				/nbd: tls: .*server-key\.pem: there is no such file: it is tried again/,
				LIMIT_MS,
			);
			t.match(await as("backup"), /export-size/, "what was read before goes on");
			const { code, output } = await run([...vbladeCommand(), "check", tree.path("vblade.toml")], LIMIT_MS);
			t.not(code, 0);
			t.match(output, /:\d+:\d+: tls: .*server-key\.pem: there is no such file/);
			renameSync(`${key}.away`, key);
			t.ok(await tree.reload());
			await tree.program.waitFor(/nbd: tls: the keys are there now/, LIMIT_MS);
		},
	);
}
