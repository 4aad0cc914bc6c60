// The process tree of the daemon, with an initiator on it: what each process has given up, and what becomes of a disk when one of them is
// killed.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import t from "tap";
import type { Event } from "../../lib/control/model.js";
import { SECTOR_BYTES } from "../../lib/wire/sector.js";
import { excess, NET_RAW, NONE } from "../privileges/status.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { sendSignal } from "../support/process.js";
import { DaemonTree, diskToml } from "./tree-bench.js";

if (await inNamespace(import.meta.url)) {
	const isRoot = process.getuid?.() === 0;
	const tree = new DaemonTree();
	const file = tree.file("web.img");
	tree.configure(
		[
			diskToml("web", `file = "${file}"`, "9.0", `unix:${tree.frames}`),
			diskToml("scratch", 'memory = "1M"', "9.1", `unix:${tree.frames}`),
		].join("\n"),
	);
	await tree.start();
	t.teardown(() => tree.stop());

	const sector = (fill: number): Uint8Array => new Uint8Array(SECTOR_BYTES).fill(fill);

	t.test("workers and control have nothing left of root", { skip: !isRoot && "needs root" }, async (t) => {
		t.strictSame(excess(await tree.pidOf("worker"), NET_RAW), []);
		t.strictSame(excess(await tree.pidOf("control"), NONE), []);
	});

	t.test("a file that only root may read is served, and keeps what is written", async (t) => {
		const disk = await tree.open(9, 0);
		await disk.write(3, sector(0xa5));
		t.strictSame([...(await disk.read(3, 1))], [...sector(0xa5)]);
		await disk.write(5, sector(0x5a));
	});

	t.test("a worker that is killed comes back with the same disks", async (t) => {
		await (await tree.open(9, 1)).write(3, sector(0x3c));
		const before = await tree.found(9, 0);
		const { serial } = (await tree.open(9, 0)).identity;
		await tree.kill("worker");
		await tree.state("web", "open");
		const disk = await tree.open(9, 0);
		t.strictSame([...(await disk.read(5, 1))], [...sector(0x5a)], "what was acknowledged");
		t.equal(disk.identity.serial, serial, "it is the same disk");
		await tree.state("scratch", "open");
		t.strictSame([...(await (await tree.open(9, 1)).read(3, 1))], [...sector(0x3c)], "memory too");
		t.equal((await tree.found(9, 0)).mac, before.mac, "at the same MAC address");
	});

	t.test("while control is away, disks are served; it knows them when it is back", async (t) => {
		const disk = await tree.open(9, 0);
		const worker = await tree.pidOf("worker");
		sendSignal(await tree.pidOf("control"), "SIGKILL");
		await disk.write(7, sector(0x77));
		t.strictSame([...(await disk.read(7, 1))], [...sector(0x77)]);
		await until(
			"control again",
			() =>
				tree.processes().then(
					() => true,
					() => false,
				),
			LIMIT_MS,
		);
		await tree.state("web", "open");
		t.equal(await tree.pidOf("worker"), worker, "it has not been disturbed");
		t.strictSame([...(await disk.read(7, 1))], [...sector(0x77)], "the same connection");
	});

	t.test(
		"ends of processes are events, which go on; what needs a restart is known all the while",
		async (t) => {
			const text = readFileSync(tree.path("vblade.toml"), "utf8");
			writeFileSync(tree.path("vblade.toml"), text.replace("[daemon]", "[daemon]\nworkers = 2"));
			t.ok(await tree.reload());
			await tree.nothingUnderWay();
			const needed = async () => (await tree.ask("GET", "/api/v1/status")).body.configuration;
			t.match(await needed(), { restartNeeded: ["daemon.workers"] });
			await tree.kill("worker");
			const events = async (query = "") =>
				(await tree.ask("GET", `/api/v1/events?limit=4096${query}`)).body as unknown as {
					events: Event[];
					lost: boolean;
				};
			const told = async (message: RegExp) => {
				let found: Event | undefined;
				const isTold = async (): Promise<boolean> => {
					found = (await events()).events.find((each) => message.test(each.message));
					return found !== undefined;
				};
				await until(`an event: ${message}`, isTold, LIMIT_MS);
				return found;
			};
			await told(/^worker 0 is there again/);
			t.match(await told(/^worker 0 ended \(SIGKILL\)/), { kind: "process", severity: "error" });
			const { id } = (await told(/^worker 0 ended/)) as Event;
			await tree.kill("control");
			t.match(await told(/^control ended \(SIGKILL\)/), { kind: "process", severity: "error" });
			t.match(await events(`&after=${id}`), { lost: true });
			const all = (await events()).events.map((each) => each.id);
			t.ok(all.includes(id), "with those of before");
			t.strictSame(
				all,
				[...all].sort((one, other) => one - other),
				"ids grow",
			);
			t.match(await needed(), { restartNeeded: ["daemon.workers"] });
			writeFileSync(tree.path("vblade.toml"), text);
			t.ok(await tree.reload());
			await tree.nothingUnderWay();
			t.match(await needed(), { restartNeeded: [] });
		},
	);

	t.test("while a worker is stopped, the daemon is not ready, and says why", async (t) => {
		const worker = await tree.pidOf("worker");
		const ready = async (status: number) =>
			until(`readyz ${status}`, async () => (await tree.ask("GET", "/readyz")).status === status, LIMIT_MS);
		await ready(200);
		sendSignal(worker, "SIGSTOP");
		try {
			await ready(503);
			t.match((await tree.ask("GET", "/readyz")).body, { detail: "worker 0 does not answer" });
		} finally {
			sendSignal(worker, "SIGCONT");
		}
		await ready(200);
	});

	t.test("it listens where the files say now, also when control is started again", async (t) => {
		execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
		const text = readFileSync(tree.path("vblade.toml"), "utf8");
		const answers = (is: boolean) =>
			until(
				`it ${is ? "listens" : "does not listen"}`,
				() =>
					fetch("http://127.0.0.1:9470/livez").then(
						({ ok }) => ok === is,
						() => !is,
					),
				LIMIT_MS,
			);
		writeFileSync(tree.path("vblade.toml"), `${text}\n[http]\nlisten = ["127.0.0.1:9470"]\n`);
		t.ok(await tree.reload());
		await answers(true);
		await tree.kill("control");
		await answers(true);
		writeFileSync(tree.path("vblade.toml"), text);
		t.ok(await tree.reload());
		await answers(false);
	});

	t.test("a file that is not allowed is refused at once", async (t) => {
		const aoe = { address: "9.8", netif: [`unix:${tree.frames}`] };
		const { status, body } = await tree.ask("POST", "/api/v1/disks", {
			name: "bad",
			file: "/etc/shadow",
			aoe,
		});
		t.equal(status, 422);
		t.match(String(body.detail), /not named, nor in a folder that \[daemon\] allow names/);
	});

	t.test("what initiators set stays set when all are killed and started again", async (t) => {
		const { identity } = await tree.open(9, 0);
		// While control is away: it hears of it when it is back.
		sendSignal(await tree.pidOf("control"), "SIGKILL");
		await tree.setConfigString(9, 0, "rack 7");
		await until(
			"it is kept",
			() => JSON.stringify(tree.kept().disks.web?.set ?? null).includes("rack 7"),
			LIMIT_MS,
		);
		const body = await tree.state("web", "open");
		const pids = (await tree.processes()).map(({ pid }) => pid);
		for (const pid of pids) sendSignal(pid ?? 0, "SIGKILL");
		await tree.program.finished(LIMIT_MS);
		await tree.start();
		t.equal((await tree.open(9, 0)).identity.serial, identity.serial);
		t.equal(String(Buffer.from((await tree.found(9, 0)).configString)), "rack 7");
		t.strictSame((await tree.ask("GET", "/api/v1/disks/web")).body.identity, body.identity);
	});

	t.test("a state that can't be kept ends nobody, and is told", async (t) => {
		const pids = (await tree.processes()).map(({ pid }) => pid);
		// What is written first is in the way.
		mkdirSync(tree.path("state/disks.json.new"));
		const aoe = { address: "9.2", netif: [`unix:${tree.frames}`] };
		await tree.ask("POST", "/api/v1/disks", { name: "late", memory: "1M", aoe });
		const { reason } = await tree.state("late", "failed");
		t.match(reason, /disks\.json: can't be kept \(EISDIR\)/);
		await tree.problem(/disks\.json of the state is not kept/);
		rmdirSync(tree.path("state/disks.json.new"));
		await tree.state("late", "open");
		t.strictSame(
			(await tree.processes()).map(({ pid }) => pid),
			pids,
			"the same processes",
		);
	});

	t.test("disks are served although another process has the address of the page", async (t) => {
		const other = createServer().listen(9470, "127.0.0.1");
		await once(other, "listening");
		const text = readFileSync(tree.path("vblade.toml"), "utf8");
		writeFileSync(tree.path("vblade.toml"), `${text}\n[http]\nlisten = ["127.0.0.1:9470"]\n`);
		for (const { pid } of await tree.processes()) sendSignal(pid ?? 0, "SIGKILL");
		await tree.program.finished(LIMIT_MS);
		await tree.start();
		await tree.state("web", "open");
		await tree.problem(/^\[http\] listen: 127\.0\.0\.1:9470: can't listen there/);
		writeFileSync(tree.path("vblade.toml"), text);
		t.ok(await tree.reload());
		other.close();
	});

	t.test("a disk that wants libpcap is refused, in words", async (t) => {
		const aoe = { address: "9.3", netif: ["pcap:lo"] };
		const { status, body } = await tree.ask("POST", "/api/v1/disks", { name: "captured", memory: "1M", aoe });
		t.equal(status, 422);
		t.match(body.detail, /^netif "pcap:lo": libpcap is not to be had in the daemon/);
	});

	t.test("each line of the log says which process it is of", async (t) => {
		const opener = (await tree.processes()).find(({ kind }) => kind === "opener");
		sendSignal(opener?.pid ?? 0, "SIGUSR1");
		await tree.program.waitFor(/^vblade\[worker 0\]: info: web: reads /m, LIMIT_MS);
		const good = readFileSync(tree.path("vblade.toml"), "utf8");
		writeFileSync(tree.path("vblade.toml"), "nonsense");
		sendSignal(opener?.pid ?? 0, "SIGHUP");
		await tree.program.waitFor(
			/^vblade\[control\]: error: the configuration has 1 error; nothing was changed: /m,
			LIMIT_MS,
		);
		writeFileSync(tree.path("vblade.toml"), good);
		await tree.kill("worker");
		await tree.program.waitFor(/^vblade: error: worker 0 ended /m, LIMIT_MS);
		await tree.state("web", "open");
		const { body } = await tree.ask("GET", "/api/v1/events?limit=4096");
		t.notMatch(JSON.stringify(body), "web: reads ", "counters are no events");
	});

	t.test("without the opener the others end", async (t) => {
		const processes = await tree.processes();
		const others = processes.filter(({ kind }) => kind !== "opener").map(({ pid }) => pid);
		const opener = processes.find(({ kind }) => kind === "opener");
		sendSignal(opener?.pid ?? 0, "SIGKILL");
		// Whoever has to take note of its end may take its time.
		const isThere = (pid: number | null): boolean => {
			try {
				return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "latin1"));
			} catch {
				return false;
			}
		};
		await until("their end", () => !others.some(isThere), LIMIT_MS);
		t.equal(others.length, 2);
		await tree.start();
	});

	t.test("SIGTERM ends all of it, with status 0", async (t) => {
		t.strictSame(await tree.stop(), { code: 0, signal: null });
		await tree.start();
	});
}
