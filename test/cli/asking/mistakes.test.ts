/** Whatever is at the socket, or is not: a line that says what to do, and status 1. Nothing hangs. */

import { writeFileSync } from "node:fs";
import { createServer as createHttp } from "node:http";
import { createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import t, { type Test } from "tap";
import { AskError, DaemonClient } from "../../../lib/cli/asking/client.js";
import { jobNow } from "../../../lib/cli/asking/job-now.js";
import { statusCommand } from "../../../lib/cli/asking/status.js";
import { PROBLEM_TYPE, Status } from "../../../lib/control/model.js";
import { scratchDirectory } from "../../support/cleanup.js";
import { run } from "./ask.js";

let sockets = 0;
const directory = scratchDirectory();

async function at(t: Test, server: Server): Promise<string> {
	const socket = path.join(directory, String(sockets++));
	const open = new Set<Socket>();
	server.on("connection", (connection: Socket) => open.add(connection));
	await new Promise<void>((resolve) => server.listen(socket, resolve));
	t.teardown(() => {
		for (const connection of open) connection.destroy();
		server.close();
	});
	return socket;
}

const status = (socket: string) => run(statusCommand, `--socket=${socket}`);

t.test("nobody is there", async (t) => {
	const gone = path.join(directory, "gone");
	t.strictSame(await status(gone), {
		...{ status: 1, out: "" },
		err: `vblade: ${gone}: there is no such socket; is the daemon running?\n`,
	});
	writeFileSync(path.join(directory, "file"), "");
	t.match(await status(path.join(directory, "file")), { status: 1, err: /nobody listens there|no socket/ });
	t.match(await status(`/${"x".repeat(200)}`), { status: 2, err: /at most 107 bytes/ });
	t.match(await status(""), { status: 2 });
});

t.test("something else is there", async (t) => {
	const loud = await at(
		t,
		createServer((socket) => socket.end("220 mail\r\n").on("error", () => undefined)),
	);
	t.match(await status(loud), { status: 1, err: /what answers there is no vblade daemon/ });
	const other = await at(
		t,
		createHttp((_, response) => response.writeHead(404).end("no")),
	);
	t.match(await status(other), { status: 1, err: /no vblade daemon \(status 404\)/ });
	const text = await at(
		t,
		createHttp((_, response) => response.end("hello")),
	);
	t.match(await status(text), { status: 1, err: /no vblade daemon/ });
	const shut = await at(
		t,
		createServer((socket) => socket.destroy()),
	);
	t.match(await status(shut), { status: 1, err: /ended the connection/ });
});

t.test("another version of vblade", async (t) => {
	const newer = await at(
		t,
		createHttp((_, response) => response.end('{"version":"9.9","health":"superb"}')),
	);
	t.match(await status(newer), {
		status: 1,
		err: /the daemon is vblade 9\.9, this is .*: its answer is not understood: \/api\/v1\//,
	});
});

t.test("no answer, or one without an end", async (t) => {
	const silent = await at(
		t,
		createServer(() => undefined),
	);
	const client = new DaemonClient(silent, 50);
	await t.rejects(client.get("/api/v1/status", Status), {
		name: "AskError",
		message: /no answer within 0.05 seconds/,
	});
	client.close();
	const slow = await at(
		t,
		createHttp((_, response) => void response.write("{")),
	);
	const waiting = new DaemonClient(slow, 50);
	await t.rejects(waiting.get("/api/v1/status", Status), AskError);
	waiting.close();
});

t.test("a refusal is a line for each thing that is wrong, with its key or place", async (t) => {
	const problem = {
		...{ type: "about:blank", title: "x", status: 422, detail: "all of it" },
		errors: [
			{ pointer: "#/limit/a~1b", detail: "too\nmuch" },
			{ place: "/etc/x.toml:1:2", detail: "no" },
		],
	};
	const refusing = await at(
		t,
		createHttp((_, response) =>
			response.writeHead(422, { "content-type": "application/problem+json" }).end(JSON.stringify(problem)),
		),
	);
	t.strictSame(await status(refusing), {
		...{ status: 1, out: "" },
		err: "vblade: limit.a/b: too\\nmuch\nvblade: /etc/x.toml:1:2: no\n",
	});
});

t.test("who waits for a job is told that the daemon was started again meanwhile", async (t) => {
	let asked = 0;
	const problem = { type: "about:blank", title: "Not Found", status: 404, detail: 'job "j": there is none' };
	const again = await at(
		t,
		createHttp((request, response) => {
			if (++asked === 1) request.socket.destroy();
			else response.writeHead(404, { "content-type": PROBLEM_TYPE }).end(JSON.stringify(problem));
		}),
	);
	const client = new DaemonClient(again);
	t.teardown(() => client.close());
	await t.rejects(jobNow(client, "j", "verify safe"), {
		name: "AskError",
		message:
			"verify safe: the daemon was started again meanwhile, and does not know what became of it; ask once more",
	});
	t.equal(asked, 2, "it is waited for");
	let ended = 0;
	const gone = await at(
		t,
		createServer((socket) => {
			ended++;
			socket.destroy();
		}),
	);
	const other = new DaemonClient(gone);
	t.teardown(() => other.close());
	await t.rejects(jobNow(other, "j", "verify safe"), { message: /^verify safe: .*ended the connection/ });
	t.equal(ended, 10, "not for ever");
	let refused = 0;
	const text = await at(
		t,
		createHttp((_, response) => {
			refused++;
			response.end("hello");
		}),
	);
	const third = new DaemonClient(text);
	t.teardown(() => third.close());
	await t.rejects(jobNow(third, "j"), { message: /no vblade daemon/ });
	t.ok(refused <= 2, "what is none of ours is not asked again and again");
});
