/**
 * The configuration that runs follows the files: wholly or not at all; one disk that is broken takes down itself alone and is tried again;
 * and this process, or a worker, can be started again without anybody noticing.
 */

import t from "tap";
import { Configuration, Job, Status } from "../../lib/control/model.js";
import { OperatorError } from "../../lib/errors.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { lookOf } from "./figures.js";
import { Stage, settle, TWO } from "./stage.js";

const THIRD = `
[disk.third]
memory = "1M"
[disk.third.aoe]
address = "9.2"
netif = ["eth1"]
`;

t.test("a reload does what the files say, and touches nothing else", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	stage.workers.calls.length = 0;
	stage.opener.text = TWO.replace("iops = 100", "iops = 200") + THIRD;
	const shown = await stage.ask("GET", "/api/v1/config");
	t.ok(Configuration.parse(shown.body));
	t.match(shown.body.differences, [
		{ effect: "change", disk: "mail", live: true },
		{ effect: "add", disk: "third" },
	]);
	t.match(shown.body.files, [{ text: /third/ }]);
	const reply = await stage.ask("POST", "/api/v1/reload");
	t.equal(reply.status, 202);
	t.ok(Job.parse(reply.body));
	await stage.done(reply);
	t.strictSame(stage.workers.calls.sort(), ["add third", "change mail"]);
	t.match((await stage.ask("GET", `/api/v1/jobs/${reply.body.id}`)).body, {
		state: "done",
		done: 2,
		total: 2,
	});
	stage.opener.text = TWO;
	stage.workers.calls.length = 0;
	await stage.done(await stage.ask("POST", "/api/v1/reload"));
	t.strictSame(stage.workers.calls.sort(), ["change mail", "remove third"]);
});

t.test("files with errors change nothing, and are told with their places", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	stage.workers.calls.length = 0;
	stage.opener.text = `${TWO + THIRD}\n[disk.fourth]\nmemroy = "1M"\n`;
	const shown = await stage.ask("GET", "/api/v1/config");
	t.match(shown.body, { errors: [/vblade\.toml:21:1: .*did you mean "memory"/], differences: [] });
	const reply = await stage.ask("POST", "/api/v1/reload");
	await stage.done(reply);
	t.strictSame(stage.workers.calls, []);
	t.match((await stage.ask("GET", `/api/v1/jobs/${reply.body.id}`)).body, {
		state: "failed",
		errors: [/vblade\.toml:21:1/],
		message: /^the configuration has 1 error; nothing was changed$/,
	});
	const status = await stage.ask("GET", "/api/v1/status");
	t.ok(Status.parse(status.body));
	t.match(status.body, {
		health: "degraded",
		configuration: { lastReload: { ok: false, errors: [/vblade\.toml:21:1/] } },
	});
	t.match((await stage.ask("GET", "/metrics")).text, /^vblade_config_last_reload_successful 0$/m);
	t.match(await stage.control.reload(), /nothing was changed: .*vblade\.toml:21:1/);
	stage.opener.text = TWO;
	t.equal(await stage.control.reload(), undefined);
	t.match((await stage.ask("GET", "/metrics")).text, /^vblade_config_last_reload_successful 1$/m);
});

t.test("what is taken away is gone before anything is added: disks may change places", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	stage.workers.calls.length = 0;
	stage.opener.text = TWO.replace('"9.0"', '"9.x"').replace('"9.1"', '"9.0"').replace('"9.x"', '"9.1"');
	await stage.done(await stage.ask("POST", "/api/v1/reload"));
	t.strictSame(stage.workers.calls, ["withdraw web", "withdraw mail", "add web", "add mail"]);
});

t.test(
	"a broken disk takes down itself alone, says why, and is tried again, less and less often",
	async (t) => {
		const stage = new Stage();
		const clock = new VirtualClock();
		stage.workers.reasons.set("web", "/srv/web.img: No such file or directory");
		await stage.start(t, { clock });
		await settle();
		t.equal(await stage.state("mail"), "open");
		const web = async () => (await stage.ask("GET", "/api/v1/disks/web")).body;
		t.match(await web(), { state: "failed", reason: /No such file/, retryAt: /^20/ });
		t.match((await stage.ask("GET", "/api/v1/status")).body, {
			health: "degraded",
			problems: [/disk web: .*No such file/],
			counts: { disks: 2, open: 1, failed: 1 },
		});
		t.equal((await stage.ask("GET", "/readyz")).status, 200, "ready all the same");
		const tries = () => stage.workers.calls.filter((call) => call === "add web").length;
		const after = async (ms: number) => {
			clock.pass(ms);
			await settle();
			return tries();
		};
		t.equal(tries(), 1);
		t.equal(await after(1000), 2);
		t.equal(await after(1000), 2);
		t.equal(await after(1000), 3);
		for (let step = 0; step < 10; step++) await after(60_000);
		const before = tries();
		t.equal(await after(60_000), before + 1, "once a minute in the end");
		const { events } = (await stage.ask("GET", "/api/v1/events?disk=web")).body;
		t.match(events, [{ kind: "disk-failed" }], "told once");
		t.equal(events.length, 1);
		stage.workers.reasons.clear();
		await after(60_000);
		t.match(await web(), { state: "open", reason: null, retryAt: null });
	},
);

t.test("a disk whose interface is missing is served when that has come", async (t) => {
	const stage = new Stage();
	const clock = new VirtualClock();
	const names = ["eth0"];
	stage.opener.text = TWO.replace('netif = ["eth0"]', 'netif = ["lan*"]');
	await stage.start(t, { clock, interfaceNames: () => names });
	await settle();
	t.match((await stage.ask("GET", "/api/v1/disks/web")).body, { state: "failed", reason: /lan/ });
	t.equal(await stage.state("mail"), "open");
	names.push("lan0");
	clock.pass(10_000);
	await settle();
	t.equal(await stage.state("web"), "open");
});

t.test("this process started again takes over what is served, and touches nothing", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	await stage.done(await stage.askTagged("PATCH", "mail", { body: { limit: null } }));
	const { identity } = (await stage.ask("GET", "/api/v1/disks/web")).body;
	await stage.close();
	stage.workers.calls.length = 0;
	stage.opener.text = "this is not TOML";
	await stage.start(t);
	await settle();
	t.strictSame(stage.workers.calls, []);
	t.equal(await stage.state("web"), "open");
	t.match((await stage.ask("GET", "/api/v1/disks/web")).body, { identity });
	t.match(
		(await stage.ask("GET", "/api/v1/disks/mail")).body,
		{ limit: null, notice: /reload/ },
		"as it was changed",
	);
});

t.test(
	"what a worker serves and nobody wants is removed; what is served otherwise is replaced",
	async (t) => {
		const stage = new Stage();
		stage.workers.served.set("old", "0").set("web", "0");
		await stage.start(t);
		await settle();
		t.strictSame(stage.workers.calls.sort(), ["add mail", "add web", "remove old", "remove web"]);
	},
);

t.test("a worker that is started again gets everything again", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	stage.workers.calls.length = 0;
	stage.workers.listener?.started(1);
	await settle();
	t.strictSame(stage.workers.calls, [], "another one had them");
	stage.workers.listener?.started(0);
	await settle();
	t.strictSame(stage.workers.calls, ["add web", "add mail"]);
	t.equal(await stage.state("web"), "open");
});

t.test("a start with a bad configuration says all that is wrong", async (t) => {
	const stage = new Stage();
	stage.opener.text = "[disk.a]\nfoo = 1\n[disk.b]\nbar = 1\n";
	await t.rejects(stage.start(t), /vblade\.toml:2:1.*\n.*vblade\.toml:4:1/);
});

t.test(
	"a reload that names another file with the token takes that one's; one with errors takes none",
	async (t) => {
		const stage = new Stage();
		await stage.start(t);
		await settle();
		let read = "";
		const readSources = stage.opener.readSources.bind(stage.opener);
		stage.opener.readSources = () => {
			read = stage.opener.text;
			return readSources();
		};
		const asked: string[] = [];
		stage.opener.readToken = async () => {
			asked.push(/token_file = "(.*)"/.exec(read)?.[1] ?? "none");
			return "token";
		};
		stage.opener.text = `[http]\ntoken_file = "/new"\n${TWO}`;
		await stage.control.reload();
		stage.opener.text = `[http]\ntoken_file = "/bad"\nnonsense = 1\n${TWO}`;
		await stage.control.reload();
		t.strictSame(asked, ["/new"]);
	},
);

t.test(
	"what counts from the next start is named until it holds, whoever was started again meanwhile",
	async (t) => {
		const stage = new Stage();
		const linkOptions = [{ name: "eth0", pollUs: 50, xdp: true }];
		stage.workers.looks = [lookOf([], { linkOptions })];
		await stage.start(t);
		await settle();
		const needed = async () => (await stage.ask("GET", "/api/v1/status")).body.configuration.restartNeeded;
		t.strictSame(await needed(), []);
		stage.opener.text = `[daemon]\nworkers = 2\n${TWO.replace('"9.1"', '"9.1"\npoll_us = 20')}`;
		t.equal(await stage.control.reload(), undefined);
		t.strictSame(await needed(), ["daemon.workers", "disk.mail.aoe.poll_us"]);
		await stage.close();
		await stage.start(t);
		await settle();
		t.strictSame(await needed(), ["daemon.workers", "disk.mail.aoe.poll_us"], "this process started again");
		await stage.close();
		stage.workers.looks = [lookOf([], { linkOptions: [{ name: "eth0", pollUs: 20, xdp: true }] })];
		await stage.start(t);
		await settle();
		t.strictSame(
			await needed(),
			["daemon.workers"],
			"a worker that was started again has opened it as it shall be",
		);
		stage.opener.text = TWO;
		await stage.control.reload();
		t.strictSame(await needed(), ["disk.web.aoe.poll_us"], "the workers as before; the link not");
	},
);

t.test("a reload that was refused is known when this process is started again", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	stage.opener.text = `${TWO}\nnonsense = 1\n`;
	await stage.control.reload();
	const { lastReload } = (await stage.ask("GET", "/api/v1/status")).body.configuration;
	t.match(lastReload, { ok: false, errors: [/nonsense/] });
	const okAt = async () =>
		/^vblade_config_last_reload_successful_seconds (\S+)$/m.exec(
			(await stage.ask("GET", "/metrics")).text,
		)?.[1];
	const before = await okAt();
	await stage.close();
	await stage.start(t);
	t.strictSame((await stage.ask("GET", "/api/v1/status")).body.configuration.lastReload, lastReload);
	t.equal(await okAt(), before);
	await stage.close();
	stage.opener.files.set("reload.json", new Uint8Array([1, 2, 3]));
	await stage.start(t);
	t.match((await stage.ask("GET", "/api/v1/status")).body.configuration.lastReload, { ok: true });
});

t.test("who wants a reload while one waits gets that one", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	const { desired } = stage.control.inside;
	const running = desired.reload();
	t.equal(desired.reload(), running, "it has not begun");
	await running.ended;
	t.not(desired.reload(), running);
});

t.test("a worker that refuses to take a disk away ends nobody, and is told", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	stage.workers.remove = async () => {
		throw new OperatorError("not now");
	};
	stage.opener.text = TWO.replace('memory = "64M"', 'memory = "65M"');
	const running = stage.control.inside.desired.reload();
	await running.ended;
	t.match(running.job, { state: "done", errors: ["disk web: not now"] });
	t.equal(await stage.state("web"), "open", "and it goes on");
});
