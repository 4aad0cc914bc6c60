/** What systemd is told, as it hears it, and the sockets that it opens. Mirrors lib/notify.ts. */

import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import t, { type Test } from "tap";
import { activatedSockets, Notifier } from "../../lib/notify.js";
import { scratchDirectory } from "../support/cleanup.js";
import { PROJECT } from "../support/paths.js";
import { Program } from "../support/process.js";

/** Says each datagram that comes to a socket as a line of JSON. */
const LISTENER = `
import json, socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("\\0" + name[1:] if name[0] == "@" else name)
print("listens", flush=True)
while True:
	print("heard " + json.dumps(s.recv(65536).decode()), flush=True)
`;

import { LIMIT_MS } from "../support/limit.js";

async function listen(t: Test, name: string): Promise<Program> {
	const program = new Program(["python3", "-c", LISTENER, name]);
	t.teardown(() => program.stop("SIGKILL"));
	await program.waitFor(/^listens$/m, LIMIT_MS);
	return program;
}

function heard(program: Program): string[] {
	return [...program.output.matchAll(/^heard (.*)$/gm)].map(([, json = ""]) => JSON.parse(json) as string);
}

for (const name of [path.join(scratchDirectory(), "notify"), `@vblade-test-${process.pid}`])
	t.test(`all that can be said, to ${name.startsWith("@") ? "a name" : "a path"}`, async (t) => {
		const listener = await listen(t, name);
		const environment = { NOTIFY_SOCKET: name, WATCHDOG_USEC: "30000000", OTHER: "stays" };
		const notifier = new Notifier(environment);
		t.strictSame(environment, { OTHER: "stays" }, "not for programs that are started");
		t.ok(notifier.isWanted);
		t.equal(notifier.watchdogMs, 30_000);
		const before = process.hrtime.bigint() / 1000n;
		t.ok(notifier.extend(1500.2));
		t.ok(notifier.status("two\nlines"));
		t.ok(notifier.ready());
		t.ok(notifier.reloading());
		t.ok(notifier.alive());
		t.ok(notifier.stopping());
		await listener.waitFor(/STOPPING/, LIMIT_MS);
		const [, usec = "0"] = /^RELOADING=1\nMONOTONIC_USEC=(\d+)$/.exec(heard(listener)[3] ?? "") ?? [];
		t.strictSame(heard(listener), [
			"EXTEND_TIMEOUT_USEC=1500200",
			"STATUS=two\\nlines",
			"READY=1",
			`RELOADING=1\nMONOTONIC_USEC=${usec}`,
			"WATCHDOG=1",
			"STOPPING=1",
		]);
		t.ok(BigInt(usec) >= before && BigInt(usec) <= process.hrtime.bigint() / 1000n, "on the monotonic clock");
	});

t.test("where nobody listens nothing is lost but words", async (t) => {
	const quiet = new Notifier({});
	t.notOk(quiet.isWanted);
	t.ok(quiet.ready(), "nobody wanted to know");
	const gone = new Notifier({ NOTIFY_SOCKET: path.join(scratchDirectory(), "gone") });
	t.notOk(gone.ready());
	t.notOk(new Notifier({ NOTIFY_SOCKET: `/${"x".repeat(200)}` }).ready(), "longer than a path may be");
	t.notOk(new Notifier({ NOTIFY_SOCKET: "vsock:2:1" }).isWanted, "a kind that is not ours");
});

t.test("the watchdog of another process, or of none", async (t) => {
	const watchdog = (environment: Record<string, string>) => new Notifier(environment, 17).watchdogMs;
	t.equal(watchdog({ WATCHDOG_USEC: "5000", WATCHDOG_PID: "17" }), 5);
	t.equal(watchdog({ WATCHDOG_USEC: "5000", WATCHDOG_PID: "18" }), undefined);
	for (const usec of ["", "0", "-1", "soon"]) t.equal(watchdog({ WATCHDOG_USEC: usec }), undefined, usec);
});

t.test("sockets that were opened for this process", async (t) => {
	const file = openSync("/dev/null", "r");
	const module = JSON.stringify(pathToFileURL(path.join(PROJECT, "build/lib/notify.js")).href);
	const program = `import { activatedSockets } from ${module};
		import { readFileSync, readlinkSync } from "node:fs";
		const found = activatedSockets();
		const seen = found.map(({ descriptor, name }) => ({
			name,
			file: readlinkSync("/proc/self/fd/" + descriptor),
			closes: /^flags:\\s*0*2[0-7]{6}$/m.test(readFileSync("/proc/self/fdinfo/" + descriptor, "utf8")),
		}));
		console.log(JSON.stringify({ seen, left: process.env.LISTEN_FDS ?? "" }));`;
	const script = 'LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=api:other exec env -u NODE_OPTIONS "$@"';
	const command = ["-c", script, "sh", process.execPath, "--input-type=module", "-e", program];
	const child = spawn("sh", command, { stdio: ["ignore", "pipe", "inherit", file, file] });
	closeSync(file);
	let output = "";
	child.stdout?.setEncoding("utf8").on("data", (text: string) => {
		output += text;
	});
	await new Promise((resolve) => child.once("close", resolve));
	t.strictSame(JSON.parse(output), {
		seen: [
			{ name: "api", file: "/dev/null", closes: true },
			{ name: "other", file: "/dev/null", closes: true },
		],
		left: "",
	});
});

t.test("sockets for somebody else, or none", async (t) => {
	const environment = { LISTEN_PID: "1", LISTEN_FDS: "2" };
	t.strictSame(activatedSockets(environment), []);
	t.strictSame(environment, {});
	for (const count of ["", "-1", "x"])
		t.strictSame(activatedSockets({ LISTEN_PID: "7", LISTEN_FDS: count }, 7), []);
});
