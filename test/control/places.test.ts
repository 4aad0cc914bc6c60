/**
 * Where the API listens follows the files: at new addresses without a restart, at old ones no more, while what is under way there is
 * finished; what can't be had is told, and tried again. With the opener's own listeners, in a network namespace.
 */

import { execFileSync } from "node:child_process";
import net from "node:net";
import t from "tap";
import { Listeners } from "../../lib/opener/listeners.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { ask, Stage, settle, TOKEN, TWO } from "./stage.js";

const httpAt = (...addresses: string[]): string => `[http]\nlisten = ${JSON.stringify(addresses)}\n${TWO}`;

/** What is answered there; 0: nobody listens. */
async function statusAt(port: number, host = "127.0.0.1"): Promise<number> {
	const reply = await ask({ host, port }, "GET", "/livez").catch(() => undefined);
	return reply?.status ?? 0;
}

/** A change whose body is still to come, when the server has said that it waits for that. */
function beginRequest(): { heard: () => string; end: () => Promise<void> } {
	const body = JSON.stringify({ name: "new", memory: "1M" });
	const socket = net.connect(9470, "127.0.0.1");
	let heard = "";
	socket.on("data", (bytes) => {
		heard += bytes;
	});
	socket.on("error", () => undefined);
	socket.write(
		`POST /api/v1/disks?dry_run=true HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer ${TOKEN}\r\nConnection: close\r\n` +
			`Content-Type: application/json\r\nExpect: 100-continue\r\nContent-Length: ${body.length}\r\n\r\n`,
	);
	const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
	return {
		heard: () => heard,
		end: () => {
			socket.write(body);
			return closed;
		},
	};
}

class ListeningStage extends Stage {
	readonly listeners = new Listeners();

	constructor() {
		super();
		this.opener.listeners = async () => {
			const wanted = [...(/^listen = (.*)$/m.exec(this.opener.text)?.[1]?.matchAll(/"([^"]+)"/g) ?? [])];
			const wrong = await this.listeners.relisten(
				wanted.map(([, address = ""]) => ({ purpose: "http", address })),
			);
			const { names } = this.listeners;
			const descriptors = this.listeners.duplicates();
			return {
				listeners: names.map((name, index) => ({ ...name, descriptor: descriptors[index] ?? -1 })),
				wrong,
			};
		};
	}
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });

	t.test("a reload moves it, and what is under way is finished", async (t) => {
		const stage = new ListeningStage();
		t.teardown(() => stage.listeners.close());
		stage.opener.text = httpAt("127.0.0.1:9470");
		await stage.start(t);
		await settle();
		t.equal(await statusAt(9470), 200, "as the files say at the start");
		const begun = beginRequest();
		await until("the request has begun", () => begun.heard().includes("100 Continue"), LIMIT_MS);
		stage.opener.text = httpAt("0.0.0.0:9470", "[::1]:9471");
		t.equal(await stage.control.reload(), undefined);
		await begun.end();
		t.match(begun.heard(), /^HTTP\/1\.1 200 /m, "a request that had begun is answered");
		t.equal(await statusAt(9470), 200, "an address that is part of the new one");
		t.equal(await statusAt(9471, "::1"), 200);
		t.strictSame(stage.control.inside.restartNeeded(), []);
		stage.opener.text = httpAt();
		await stage.control.reload();
		t.strictSame([await statusAt(9470), await statusAt(9471, "::1")], [0, 0]);
		t.equal((await stage.ask("GET", "/livez")).status, 200, "commands ask on");
	});

	t.test("an address that can't be had is told, and taken when it can be", async (t) => {
		const stage = new ListeningStage();
		t.teardown(() => stage.listeners.close());
		const clock = new VirtualClock();
		await stage.start(t, { clock });
		await settle();
		const other = net.createServer().listen(9472, "127.0.0.1");
		await new Promise((resolve) => other.once("listening", resolve));
		stage.opener.text = httpAt("127.0.0.1:9472", "127.0.0.1:9473");
		const { job, ended } = stage.control.inside.desired.reload();
		await ended;
		t.match(stage.control.inside.jobs.get(job.id)?.job, {
			state: "done",
			errors: [/9472: can't listen there/],
		});
		t.equal(await statusAt(9473), 200);
		const problems = async () => (await stage.ask("GET", "/api/v1/status")).body.problems;
		t.match(await problems(), [/^\[http\] listen: 127\.0\.0\.1:9472: can't listen there \(EADDRINUSE/]);
		clock.pass(10_000);
		await settle();
		const { events } = (await stage.ask("GET", "/api/v1/events")).body;
		const told = events.filter(({ message }: { message: string }) => message.includes("9472: can't listen"));
		t.match(told, [{ kind: "configuration", severity: "error" }]);
		t.equal(told.length, 1, "once, however often it is tried");
		await new Promise((resolve) => other.close(resolve));
		clock.pass(10_000);
		await until("it listens there", async () => (await statusAt(9472)) === 200, LIMIT_MS);
		t.strictSame(await problems(), []);
	});
}
