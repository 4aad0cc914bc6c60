/**
 * What status and readiness say of what is wrong at the moment: workers that don't answer, addresses that others answer for, and how fast
 * links are.
 */

import t from "tap";
import { type Event, LinkList } from "../../lib/control/model.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { figuresOf, LINK, lookOf, viewOf } from "./figures.js";
import { Stage, settle, TWO } from "./stage.js";

const AOE = { address: "9.0", netif: ["eth0"], macs: null, reservedBy: [], configString: "" };

t.test("while a worker does not answer, nothing is ready", async (t) => {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	t.equal((await stage.ask("GET", "/readyz")).status, 200);
	stage.workers.trouble = ["worker 0 does not answer"];
	t.match(await stage.ask("GET", "/readyz"), { status: 503, body: { detail: "worker 0 does not answer" } });
	t.equal((await stage.ask("GET", "/livez")).status, 200);
	t.match((await stage.ask("GET", "/metrics")).text, /^vblade_worker_answers\{worker="0"\} 0$/m);
	t.match((await stage.ask("GET", "/api/v1/status")).body, {
		health: "degraded",
		problems: ["worker 0 does not answer"],
	});
	stage.workers.trouble = [];
	t.equal((await stage.ask("GET", "/readyz")).status, 200);
});

t.test("a disk that is silenced, and one whose address another answers for, are problems", async (t) => {
	const stage = new Stage();
	const silenced = [{ netif: "eth0", mac: "02:00:00:00:00:05", since: "2026-11-26T10:00:00.000Z" }];
	const rivals = [{ netif: "eth0", mac: "02:00:00:00:00:06" }];
	stage.workers.looks = [
		lookOf([], {
			views: [
				{ ...viewOf("web"), aoe: { ...AOE, silenced: [], rivals } },
				{ ...viewOf("mail"), aoe: { ...AOE, address: "9.1", silenced, rivals: [] } },
			],
		}),
	];
	await stage.start(t);
	await settle();
	t.strictSame((await stage.ask("GET", "/api/v1/status")).body.problems, [
		"disk mail: not served on eth0 for now: 02:00:00:00:00:05 there answers for 9.1",
		"disk web: 02:00:00:00:00:06 on eth0 answers for 9.0 too, and may have other data",
	]);
});

t.test(
	"a file that another one has taken the place of is a problem, a notice of its disk, and one event",
	async (t) => {
		const stage = new Stage();
		stage.opener.text = TWO.replace('memory = "64M"', 'file = "/srv/web.img"');
		const { inside } = await stage.start(t);
		await settle();
		const notice = async () => (await stage.ask("GET", "/api/v1/disks/web")).body.notice;
		t.equal(await notice(), null);
		const text =
			"the file at /srv/web.img is another one now; the disk still serves the old one; close and open it to take the new one";
		const take = (isGone: boolean): void => {
			const files = ["/srv/web.img", "/srv/none.img"].map((path) => ({ path, isGone }));
			for (let times = 0; times < 2; times++) inside.replaced.take(files);
		};
		take(false);
		t.equal(await notice(), text);
		t.strictSame((await stage.ask("GET", "/api/v1/status")).body.problems, [`disk web: ${text}`]);
		const { events } = (await stage.ask("GET", "/api/v1/events?disk=web")).body;
		t.match(
			(events as Event[]).filter(({ kind }) => kind === "fault"),
			[{ severity: "warning", message: text }],
		);
		t.equal((events as Event[]).filter(({ kind }) => kind === "fault").length, 1);
		take(true);
		t.match(await notice(), /^there is no file at \/srv\/web\.img any more; .* lost when it is closed/);
		const again = (await stage.ask("GET", "/api/v1/events?disk=web")).body.events as unknown as Event[];
		t.equal(again.filter(({ kind }) => kind === "fault").length, 2, "which is news");
		inside.replaced.take([]);
		t.match((await stage.ask("GET", "/api/v1/status")).body, { problems: [], health: "ok" });
		t.equal(await notice(), null);
	},
);

t.test("what Debian's exports ask for and nobody misses is a note, and no problem", async (t) => {
	const stage = new Stage();
	const text = "shelf=7\nslot=1\nnetif=eth0\nfilename=/srv/old.img\noptions='--user=x'\nionice=-c2\n";
	stage.opener.debian.push({ path: "/etc/vblade.conf.d/old.conf", text });
	await stage.start(t);
	await settle();
	t.match((await stage.ask("GET", "/api/v1/status")).body, { health: "ok", problems: [] });
	const { warnings } = (await stage.ask("GET", "/api/v1/config")).body;
	t.match(
		warnings,
		[/--user is not followed/, /ionice is not followed/],
		"whoever looks at the files is told",
	);
	const { events } = (await stage.ask("GET", "/api/v1/events")).body;
	const told = (events as Event[]).filter(({ message }) => message.includes("not followed"));
	t.strictSame(
		told.map(({ severity }) => severity),
		["info", "info"],
	);
	stage.opener.debian.push({ path: "/etc/vblade.conf.d/new.conf", text: text.replace("slot=1", "slot=") });
	t.equal(await stage.control.reload(), undefined);
	t.match((await stage.ask("GET", "/api/v1/status")).body, {
		health: "degraded",
		problems: [/slot= is empty/],
	});
});

t.test("what the storage of a disk does not do, though it is served, is a problem", async (t) => {
	const stage = new Stage();
	const since = "2026-11-26T10:00:00.000Z";
	stage.workers.looks = [
		lookOf([figuresOf("mail", 0, 1, { causes: { sync: 2 } })], {
			views: [
				{ ...viewOf("web"), stalledSince: since, shrunkBytes: 4096 },
				{ ...viewOf("gone"), stalledSince: since },
			],
		}),
	];
	await stage.start(t);
	await settle();
	t.strictSame((await stage.ask("GET", "/api/v1/status")).body.problems, [
		`disk web: its storage has not answered since ${since}`,
		"disk web: its file has shrunk to 4K; requests behind its end fail",
		"disk mail: a sync has failed, and every write fails since",
	]);
});

t.test("how fast a link is, where the kernel knows", async (t) => {
	const stage = new Stage();
	const link = { ...LINK, speedBitsPerSecond: null };
	stage.workers.looks = [lookOf([], { links: [link, { ...link, name: "constructor" }] })];
	stage.opener.speed.set("eth0", 25e9);
	await stage.start(t);
	await settle();
	const { links } = LinkList.parse((await stage.ask("GET", "/api/v1/links")).body);
	t.strictSame(
		links.map(({ name, speedBitsPerSecond }) => [name, speedBitsPerSecond]),
		[
			["eth0", 25e9],
			["constructor", null],
		],
	);
});

t.test("a worker that returns slowly is one event of a disk, whatever it does not answer with", async (t) => {
	const stage = new Stage();
	const clock = new VirtualClock();
	await stage.start(t, { clock });
	await settle();
	const failures = async (): Promise<string[]> => {
		await settle();
		const { events } = (await stage.ask("GET", "/api/v1/events?disk=web")).body;
		return (events as Event[]).flatMap(({ kind, message }) => (kind === "disk-failed" ? [message] : []));
	};
	const { workers } = stage;
	workers.absence = "worker 0: the other end is gone";
	workers.listener?.started(0);
	await settle();
	workers.absence = "worker 0 is being started";
	clock.pass(1000);
	await settle();
	workers.listener?.started(0);
	t.strictSame(await failures(), ["worker 0: the other end is gone"]);
	workers.absence = undefined;
	workers.reasons.set("web", "no such file");
	workers.listener?.started(0);
	t.equal((await failures()).length, 2, "what is wrong with the disk itself is told");
	workers.reasons.clear();
	workers.listener?.started(0);
	await settle();
	workers.absence = "worker 0 is being started";
	workers.listener?.started(0);
	t.equal((await failures()).length, 3, "after it was served, it is news again");
});
