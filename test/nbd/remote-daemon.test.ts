// A remote disk in the daemon: its server is not there at the start, goes and comes back; others are served meanwhile.

import { execFileSync } from "node:child_process";
import t from "tap";
import type { RemoteState } from "../../lib/control/model.js";
import { DaemonTree } from "../daemon/tree-bench.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	const near = tree.path("near.sock");
	const far = "127.0.0.1:10899";
	const image = tree.file("far.img");
	const nbd = (name: string): string => `[disk.${name}.nbd]\nname = "${name}"\n`;
	tree.configure(
		[
			`[nbd]\nlisten = ["unix:${near}"]\n`,
			`[disk.far]\nremote = "nbd://${far}/"\ninterval = "1s"\nresend = 60\n${nbd("far")}`,
			`[disk.here]\nmemory = "1M"\n${nbd("here")}`,
		].join(""),
	);
	await tree.start();
	t.teardown(() => tree.stop());
	const io = (name: string, command: string) =>
		run(["qemu-io", "-f", "raw", "-c", command, `nbd+unix:///${name}?socket=${near}`], LIMIT_MS);
	const serve = async (): Promise<Program> => {
		const server = new Program([...vbladeCommand(), "nbd", "--durability=flush", far, image]);
		await server.waitFor(/ sectors /, LIMIT_MS);
		return server;
	};
	let server: Program | undefined;
	t.teardown(async () => void (await server?.stop()));

	t.test("a server that is not there takes down its disk alone, which is tried again", async (t) => {
		await until(
			"it says why",
			async () => /ECONNREFUSED/.test(String((await tree.ask("GET", "/api/v1/disks/far")).body.reason)),
			LIMIT_MS,
		);
		t.notMatch((await io("here", "write -P 1 0 4k")).output, /fail|error/i);
		server = await serve();
		const { storage } = await tree.state("far", "open");
		t.equal(storage, `nbd://${far}/`);
		const { body } = await tree.ask("GET", "/api/v1/disks/far");
		t.match(body.remote, { state: "connected", losses: 0, resends: 0 });
		t.equal((await tree.ask("GET", "/api/v1/disks/here")).body.remote, null);
		t.notMatch((await io("far", "write -P 7 0 64k")).output, /fail|error/i);
	});

	t.test("one that goes away is waited for, which is told", async (t) => {
		server!.signal("SIGKILL");
		await server!.end;
		const reading = io("far", "read -P 7 0 64k");
		const { body } = await new Promise<Awaited<ReturnType<DaemonTree["ask"]>>>((resolve) => {
			void until(
				"it is told",
				async () => {
					const answer = await tree.ask("GET", "/api/v1/disks/far");
					const isTold = answer.body.stalledSince !== null;
					if (isTold) resolve(answer);
					return isTold;
				},
				LIMIT_MS,
			);
		});
		t.match(body, { state: "open" });
		const remoteNow = async () =>
			(await tree.ask("GET", "/api/v1/disks/far")).body.remote as unknown as RemoteState;
		await until(
			"its server is told to be away",
			async () => (await remoteNow()).state === "unreachable",
			LIMIT_MS,
		);
		const away = await remoteNow();
		t.match(away, { why: /\w/, losses: 1 });
		t.ok(away.waiting > 0, `${away.waiting} wait`);
		t.match(
			JSON.stringify((await tree.ask("GET", "/api/v1/status")).body),
			/disk far: its server is unreachable since /,
		);
		t.notMatch((await io("here", "read -P 1 0 4k")).output, /fail|error/i);
		server = await serve();
		t.notMatch((await reading).output, /fail|error/i);
		// What the daemon itself asks meanwhile (a flush after a client has gone) may be under way at any one look.
		await until(
			"it is told to be back, and nothing waits for it",
			async () => {
				const { state, waiting } = await remoteNow();
				return state === "connected" && waiting === 0;
			},
			LIMIT_MS,
		);
		t.match(await remoteNow(), { losses: 1 });
		const text = String((await tree.ask("GET", "/metrics")).body.text);
		t.match(text, /^vblade_disk_remote_connected\{disk="far"\} 1$/m);
		t.match(text, /^vblade_disk_remote_losses_total\{disk="far"\} 1$/m);
		t.notMatch(text, /remote_connected\{disk="here"\}/);
	});
}
