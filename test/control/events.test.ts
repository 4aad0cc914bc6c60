/**
 * What happens is told: in a list, and as server-sent events to whoever listens, from where he left off; one who does not read is cut off.
 */

import http from "node:http";
import net from "node:net";
import t from "tap";
import { EventLog } from "../../lib/control/event-log.js";
import { Event, EventList } from "../../lib/control/model.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Stage, settle } from "./stage.js";

/** Listens; `events` grows. */
function listen(stage: Stage, query = "", headers: Record<string, string> = {}) {
	const heard: { id: string; event: Event }[] = [];
	let text = "";
	const request = http.get(
		{
			socketPath: stage.socketPath,
			path: `/api/v1/events${query}`,
			agent: false,
			headers: { accept: "text/event-stream", ...headers },
		},
		(response) => {
			response.setEncoding("utf8");
			response.on("error", () => undefined);
			response.on("data", (piece: string) => {
				text += piece;
				for (let end = text.indexOf("\n\n"); end !== -1; end = text.indexOf("\n\n")) {
					const [, id = "", data] = /^id: (\d+)\nevent: [\w-]+\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
					if (data !== undefined) heard.push({ id, event: Event.parse(JSON.parse(data)) });
					text = text.slice(end + 2);
				}
			});
		},
	);
	request.on("error", () => undefined);
	return { heard, stop: () => request.destroy() };
}

t.test("a list, and what comes after an id", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const { body } = await stage.ask("GET", "/api/v1/events");
	t.ok(EventList.parse(body));
	t.match(body, {
		events: [
			{ kind: "disk-opened", disk: "web" },
			{ kind: "disk-opened", disk: "mail" },
		],
		lost: false,
	});
	const [first] = body.events;
	t.match((await stage.ask("GET", `/api/v1/events?after=${first.id}`)).body.events, [{ disk: "mail" }]);
	t.equal((await stage.ask("GET", "/api/v1/events?disk=mail")).body.events.length, 1);
	t.equal((await stage.ask("GET", "/api/v1/events?after=x")).status, 400);
});

t.test("however many listen by TCP, who comes by the socket is heard", async (t) => {
	const stage = new Stage();
	const control = await stage.start(t);
	await settle();
	const server = await control.listen({ transport: "tcp", where: { host: "127.0.0.1", port: 0 } });
	const { port } = server.address() as net.AddressInfo;
	const statuses: (number | undefined)[] = [];
	const requests = Array.from({ length: 110 }, () =>
		http
			.get(
				{ port, path: "/api/v1/events", agent: false, headers: { accept: "text/event-stream" } },
				(response) => {
					response.on("error", () => undefined).resume();
					statuses.push(response.statusCode);
				},
			)
			.on("error", () => undefined),
	);
	t.teardown(() => {
		for (const request of requests) request.destroy();
	});
	await until("all are answered", () => statuses.length === 110, LIMIT_MS);
	t.equal(statuses.filter((status) => status === 503).length, 10);
	const one = listen(stage, "?after=0");
	t.teardown(() => one.stop());
	await until("it is told", () => one.heard.length > 0, LIMIT_MS);
});

t.test("a stream tells what happens, and goes on where it was left", async (t) => {
	const stage = new Stage();
	const { inside } = await stage.start(t);
	await settle();
	const stream = listen(stage);
	const tell = (message: string) =>
		inside.events.add({ kind: "fault", severity: "error", disk: "web", message });
	await until(
		"somebody listens",
		() => {
			tell("one\ntwo");
			return stream.heard.length > 0;
		},
		LIMIT_MS,
	);
	t.match(stream.heard[0]?.event, { kind: "fault", disk: "web", message: "one\\ntwo" }, "in one line");
	stream.stop();
	const last = stream.heard[0]?.id ?? "";
	tell("missed");
	const again = listen(stage, "", { "last-event-id": last });
	await until("what was missed", () => again.heard.some(({ event }) => event.message === "missed"), LIMIT_MS);
	const ids = again.heard.map(({ id }) => Number(id));
	t.equal(ids[0], Number(last) + 1);
	t.strictSame(
		ids,
		[...ids].sort((a, b) => a - b),
	);
	again.stop();
});

t.test("who does not read is cut off, and holds nobody up", async (t) => {
	const stage = new Stage();
	const { inside } = await stage.start(t);
	const socket = net.connect(stage.socketPath);
	socket.on("error", () => undefined);
	socket.write("GET /api/v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\n\r\n");
	await new Promise((resolve) => socket.once("data", resolve));
	socket.pause();
	const closed = new Promise((resolve) => socket.once("close", resolve));
	const other = listen(stage);
	const message = "x".repeat(10_000);
	for (let round = 0; round < 200; round++) {
		inside.events.add({ kind: "log", severity: "info", message });
		if (round % 10 === 0) await settle();
	}
	socket.resume();
	await closed;
	await until(
		"the other one hears",
		() => {
			inside.events.add({ kind: "log", severity: "info", message: "end" });
			return other.heard.some(({ event }) => event.message === "end");
		},
		LIMIT_MS,
	);
	other.stop();
	t.pass("others heard all of it");
});

t.test("listeners have a limit; one that goes makes room", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	const streams = Array.from({ length: 100 }, () => listen(stage));
	const status = async () =>
		new Promise<number>((resolve) => {
			const request = http.get(
				{
					socketPath: stage.socketPath,
					path: "/api/v1/events",
					agent: false,
					headers: { accept: "text/event-stream" },
				},
				(response) => {
					resolve(response.statusCode ?? 0);
					request.destroy();
				},
			);
			request.on("error", () => undefined);
		});
	await until("all are there", async () => (await status()) === 503, LIMIT_MS);
	streams[0]?.stop();
	await until("there is room", async () => (await status()) === 200, LIMIT_MS);
	for (const { stop } of streams) stop();
	t.pass("as many as there may be");
});

t.test("the log is bounded, and says what it has lost", async (t) => {
	let now = 1000;
	const log = new EventLog(() => now);
	for (let count = 0; count < 20_000; count++)
		log.add({ kind: "log", severity: "info", message: String(count) });
	const { events, lost } = log.after(999, Infinity);
	t.ok(events.length >= 4096 && events.length < 8192);
	t.equal(events.at(-1)?.message, "19999");
	t.equal(lost, true);
	t.equal(log.after(events[0]?.id, Infinity).lost, false);
	t.strictSame(log.after(events.at(-1)?.id, Infinity), { events: [], lost: false });
	t.equal(log.after(5, Infinity).lost, true, "of another life");
	now = 1_000_000;
	t.ok(new EventLog(() => now).after(undefined, 1).events.length === 0);
});
