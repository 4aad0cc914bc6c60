/**
 * Who may do what on TCP: reading from this machine is free, all else wants the token; and neither a page of another site nor a name that
 * was pointed at this address gets anything through a browser. In a network namespace of its own, by real HTTP; the rules for others
 * than this machine by themselves.
 */

import { execFileSync } from "node:child_process";
import net, { type AddressInfo } from "node:net";
import t, { type Test } from "tap";
import type { ControlOptions } from "../../lib/control/control.js";
import { Guard } from "../../lib/control/guard.js";
import { Problem } from "../../lib/control/model.js";
import type { Refusal } from "../../lib/control/problem.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { ask, FILE, Stage, TOKEN } from "./stage.js";

const BEARER = { authorization: `Bearer ${TOKEN}` };

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	ofTokens();
	ofContents();
	ofBrowsers();
	ofOthers();
	ofListeners();
}

/** Returns how to ask it on TCP. */
async function serve(t: Test, stage: Stage, more: Partial<ControlOptions> = {}) {
	const control = await stage.start(t, more);
	const server = await control.listen({ transport: "tcp", where: { host: "127.0.0.1", port: 0 } });
	const { port } = server.address() as AddressInfo;
	const tcp = (
		method: string,
		address: string,
		headers: Record<string, string> = {},
		body?: unknown,
		localAddress?: string,
	) =>
		ask({ host: "127.0.0.1", port, ...(localAddress && { localAddress }) }, method, address, {
			headers: { host: `127.0.0.1:${port}`, ...headers },
			body,
		});
	return Object.assign(tcp, { port });
}

function ofContents(): void {
	t.test(
		"what disks hold is for those alone who may change them, and looking at a snapshot opens nothing",
		async (t) => {
			const stage = new Stage();
			const tcp = await serve(t, stage);
			const at = (name: string, what: string) => `/api/v1/volumes/${encodeURIComponent(name)}/${what}`;
			for (const what of [
				"data?offset=0&length=512",
				"runs?offset=0&length=512",
				"changes?before=web@a&offset=0",
			]) {
				t.equal((await tcp("GET", at("fast/web@monday", what))).status, 401, what);
				t.equal(
					(await tcp("GET", at("fast/web@monday", what), BEARER)).status,
					404,
					"there is no such pool here",
				);
			}
			t.equal((await tcp("GET", at("fast/web@monday", "about"))).status, 404);
			for (const name of ["fast/web", "fast/web@-10m", "fast/web@2026-11-25T10:00:00Z"])
				t.equal((await tcp("GET", at(name, "about"))).status, 401, name);
			const { paths } = (await tcp("GET", "/openapi.json")).body;
			const securityOf = (what: string) => paths[`/api/v1/volumes/{name}/${what}`].get.security;
			t.strictSame(["data", "runs", "changes"].map(securityOf), Array(3).fill([{ token: [] }]));
			t.equal(securityOf("about"), undefined, "as of all else");
			t.strictSame(paths["/api/v1/reload"].post.security, [{ token: [] }]);
		},
	);
}

function ofTokens(): void {
	t.test("reading is free, changing wants the token", async (t) => {
		const stage = new Stage();
		const tcp = await serve(t, stage);
		for (const address of ["/api/v1/status", "/api/v1/disks", "/metrics", "/livez", "/openapi.json"])
			t.equal((await tcp("GET", address)).status, 200, address);
		for (const headers of [
			{},
			{ authorization: "Bearer wrong" },
			{ authorization: `Basic ${TOKEN}` },
			{ authorization: "Bearer" },
		]) {
			const reply = await tcp("POST", "/api/v1/reload", headers);
			t.equal(reply.status, 401, JSON.stringify(headers));
			t.match(reply.headers["www-authenticate"], /^Bearer/);
			t.ok(Problem.parse(reply.body));
		}
		t.equal((await tcp("POST", "/api/v1/reload", BEARER)).status, 202);
		t.equal((await tcp("DELETE", "/api/v1/disks/web", { "if-match": "*" })).status, 401);
		t.strictSame(
			stage.workers.calls.filter((call) => call.startsWith("remove")),
			[],
		);
	});

	t.test("texts of files are for those alone who may change them", async (t) => {
		const tcp = await serve(t, new Stage());
		t.match((await tcp("GET", "/api/v1/config")).body.files, [{ path: FILE, text: null }]);
		t.match((await tcp("GET", "/api/v1/config", BEARER)).body.files, [{ path: FILE, text: /disk\.web/ }]);
	});

	t.test("without a token nobody changes anything; a new one holds from the next reload on", async (t) => {
		const stage = new Stage();
		stage.opener.token = undefined;
		const tcp = await serve(t, stage);
		t.equal((await tcp("POST", "/api/v1/reload", BEARER)).status, 403);
		t.equal((await tcp("POST", "/api/v1/reload", { authorization: "Bearer undefined" })).status, 403);
		stage.opener.token = "another";
		await stage.control.reload();
		t.equal((await tcp("POST", "/api/v1/reload", BEARER)).status, 401);
		t.equal((await tcp("POST", "/api/v1/reload", { authorization: "Bearer another" })).status, 202);
	});
}

function ofBrowsers(): void {
	t.test("a browser that another site has sent here gets nothing", async (t) => {
		const tcp = await serve(t, new Stage());
		for (const host of [
			"evil.example",
			"evil.example:9470",
			"127.0.0.1.evil.example",
			"127.0.0.2",
			"[::1]",
			"x@127.0.0.1",
		]) {
			const { status } = await tcp("GET", "/api/v1/status", { host });
			t.ok(status === 421 || status === 400, `Host: ${host}`);
		}
		t.equal((await tcp("GET", "/api/v1/status", { host: "localhost:1" })).status, 200);
		for (const origin of [
			"http://evil.example",
			"null",
			"http://127.0.0.1:1",
			"https://localhost",
			"garbage",
		]) {
			t.equal((await tcp("POST", "/api/v1/reload", { ...BEARER, origin })).status, 403, `Origin: ${origin}`);
			t.equal((await tcp("GET", "/api/v1/status", { origin })).status, 403, `reading, Origin: ${origin}`);
		}
		t.equal(
			(await tcp("POST", "/api/v1/reload", { ...BEARER, host: "localhost:9", origin: "http://localhost:9" }))
				.status,
			202,
		);
		for (const type of ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""]) {
			const reply = await tcp("POST", "/api/v1/reload", { ...BEARER, "content-type": type });
			t.equal(reply.status, 415, `Content-Type: ${type}`);
		}
		const merging = { ...BEARER, "content-type": "application/merge-patch+json" };
		t.equal((await tcp("POST", "/api/v1/reload", merging)).status, 415);
		const patched = await tcp("PATCH", "/api/v1/disks/web", { ...BEARER, "content-type": "text/plain" });
		t.strictSame(
			[patched.status, patched.headers["accept-patch"]],
			[415, "application/json, application/merge-patch+json"],
		);
		const { headers } = await tcp("GET", "/api/v1/status");
		t.match(headers["content-security-policy"], /default-src 'self'.*frame-ancestors 'none'/);
		t.equal(headers["x-content-type-options"], "nosniff");
		t.notOk(
			Object.keys(headers).some((name) => name.startsWith("access-control")),
			"no CORS",
		);
		const options = await tcp("OPTIONS", "/api/v1/disks", { ...BEARER });
		t.equal(options.status, 405);
	});
}

function ofOthers(): void {
	t.test("a proxy on this machine does not make others local", async (t) => {
		const tcp = await serve(t, new Stage());
		t.equal((await tcp("GET", "/api/v1/status", { "x-forwarded-for": "192.0.2.1" })).status, 401);
		t.equal((await tcp("GET", "/api/v1/status", { "x-forwarded-for": "192.0.2.1", ...BEARER })).status, 200);
	});

	t.test("who asks from elsewhere wants the token for everything but the page", async (t) => {
		const guard = new Guard({ token: TOKEN, names: ["Server"] });
		const caller = {
			transport: "tcp",
			localAddress: "::ffff:192.0.2.1",
			remoteAddress: "::ffff:192.0.2.9",
		} as const;
		const admit = (method: string, isPage: boolean, headers: Record<string, string>): number => {
			try {
				guard.admit(method, isPage, caller, (name) => headers[name]);
				return 200;
			} catch (error) {
				return (error as Refusal).status;
			}
		};
		t.equal(admit("GET", false, { host: "192.0.2.1" }), 401);
		t.equal(admit("GET", true, { host: "192.0.2.1" }), 200);
		t.equal(admit("GET", false, { host: "server:9470", ...BEARER }), 200);
		t.equal(admit("GET", true, { host: "localhost" }), 421);
		t.equal(admit("GET", true, { host: "" }), 421);
	});
}

function ofListeners(): void {
	t.test("the page is for everybody, and loads nothing from elsewhere", async (t) => {
		const page = { mediaType: "text/html; charset=utf-8", bytes: new TextEncoder().encode("<p>vblade</p>") };
		const stage = new Stage();
		const tcp = await serve(t, stage, { assets: new Map([["/", page]]) });
		const { status, text, headers } = await tcp("GET", "/", { "x-forwarded-for": "192.0.2.1" });
		t.strictSame([status, text, headers["content-type"]], [200, "<p>vblade</p>", page.mediaType]);
		t.match(headers["content-security-policy"], /default-src 'self'/);
		t.equal((await tcp("POST", "/", BEARER)).status, 405);
	});

	t.test("one address can't take all connections", async (t) => {
		const stage = new Stage();
		const tcp = await serve(t, stage, { limits: { connectionsOfAddress: 5 } });
		const sockets = Array.from({ length: 5 }, () => net.connect(tcp.port, "127.0.0.1"));
		for (const socket of sockets) socket.on("error", () => undefined);
		await Promise.all(sockets.map((socket) => new Promise((resolve) => socket.once("connect", resolve))));
		await t.rejects(tcp("GET", "/livez"));
		t.equal((await tcp("GET", "/livez", {}, undefined, "127.0.0.2")).status, 200, "another one comes in");
		for (const socket of sockets) socket.destroy();
	});

	t.test("the unix socket is for whoever gets in, but for pages of others", async (t) => {
		const stage = new Stage();
		await stage.start(t);
		t.equal((await stage.ask("POST", "/api/v1/reload")).status, 202);
		t.equal((await stage.ask("GET", "/api/v1/status", { headers: { host: "vblade" } })).status, 200);
		t.equal((await stage.ask("GET", "/api/v1/status", { headers: { host: "evil.example" } })).status, 421);
		t.equal(
			(await stage.ask("POST", "/api/v1/reload", { headers: { origin: "http://evil.example" } })).status,
			403,
		);
	});
}
