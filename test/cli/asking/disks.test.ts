/** `vblade disk`: lists, details, changes, and what is asked before. With a control process whose workers are fakes. */

import t, { type Test } from "tap";
import {
	diskAddCommand,
	diskFenceCommand,
	diskRmCommand,
	diskSetCommand,
	diskUnfenceCommand,
} from "../../../lib/cli/asking/changes.js";
import { diskLsCommand, diskShowCommand } from "../../../lib/cli/asking/disks.js";
import { Changed, Disk, DiskList, Plan } from "../../../lib/control/model.js";
import { NO_COUNTERS, NO_RATES } from "../../../lib/control/rates.js";
import { viewOf } from "../../control/figures.js";
import { Stage, settle } from "../../control/stage.js";
import { run } from "./ask.js";

async function stageOf(t: Test): Promise<{ stage: Stage; at: string }> {
	const stage = new Stage();
	await stage.start(t);
	await settle();
	return { stage, at: `--socket=${stage.socketPath}` };
}

t.test("a list, in columns and as JSON", async (t) => {
	const { at } = await stageOf(t);
	const { status, out } = await run(diskLsCommand, at);
	t.equal(status, 0);
	t.match(out, /^NAME +STATE +ADDRESS +SIZE .*\nweb +open +9\.0 .*\nmail +open +9\.1 /);
	t.strictSame(
		DiskList.parse(JSON.parse((await run(diskLsCommand, at, "--json", "--sort=name")).out)).disks.map(
			({ name }) => name,
		),
		["mail", "web"],
	);
	t.notMatch((await run(diskLsCommand, at, "--search=9.1")).out, "web");
	t.match(await run(diskLsCommand, at, "--state=fenced"), { status: 0, out: /^NAME.*\n$/ });
	t.match(await run(diskLsCommand, at, "--state=shut"), { status: 2, err: /state "shut": one of opening, / });
	t.match(await run(diskLsCommand, at, "--sort=size"), { status: 2 });
});

t.test("one disk", async (t) => {
	const { at } = await stageOf(t);
	const { out } = await run(diskShowCommand, at, "mail");
	t.match(out, /^name +mail\nstate +open\n/);
	t.match(out, /^limit iops +100\/s$/m);
	t.match(out, /^named by +\/etc\/vblade\/vblade\.toml:\d+$/m);
	t.equal(Disk.parse(JSON.parse((await run(diskShowCommand, at, "--json", "mail")).out)).name, "mail");
	t.match(await run(diskShowCommand, at, "gone"), {
		status: 1,
		err: 'vblade: disk "gone": there is none of this name\n',
	});
	t.match(await run(diskShowCommand, at, "../status"), { status: 2 });
	t.match(await run(diskShowCommand, at), {
		status: 2,
		err: /missing argument: name; see vblade disk show --help/,
	});
});

t.test("added, changed, taken away", async (t) => {
	const { stage, at } = await stageOf(t);
	const words = [
		"new",
		"memory=1M",
		"aoe.address=9.7",
		"aoe.netif=eth0,eth1",
		"limit.bandwidth=10M",
		"read_only=true",
	];
	const dry = await run(diskAddCommand, at, "--dry-run", ...words);
	t.match(dry, { status: 0, out: "disk new: added\n" });
	t.equal((await stage.ask("GET", "/api/v1/disks/new")).status, 404, "nothing was done");
	t.match(await run(diskAddCommand, at, ...words), { status: 0, out: "disk new: added\n", err: "" });
	const { body } = await stage.ask("GET", "/api/v1/disks/new");
	t.match(body.settings, {
		memory: "1M",
		read_only: true,
		limit: { bandwidth: "10M" },
		aoe: { address: "9.7", netif: ["eth0", "eth1"] },
	});
	t.match(await run(diskAddCommand, at, ...words), {
		status: 1,
		err: 'vblade: name: there is a disk "new" already\n',
	});
	t.match(await run(diskSetCommand, at, "new", "limit.iops=5000", "limit.bandwidth=", "aoe.macs=[]"), {
		status: 0,
		err: "",
	});
	const { settings } = (await stage.ask("GET", "/api/v1/disks/new")).body;
	t.strictSame([settings.limit, settings.aoe.macs], [{ iops: 5000 }, []]);
	t.match(await run(diskSetCommand, at, "new", "limit.iops=5000"), { status: 0, out: "it is so already\n" });
	t.match(await run(diskRmCommand, at, "new"), { status: 0 });
	t.equal((await stage.ask("GET", "/api/v1/disks/new")).status, 404);
});

t.test("one that can't be served is there, and told", async (t) => {
	const { stage, at } = await stageOf(t);
	stage.workers.reasons.set("new", "may not be opened");
	const told = await run(diskAddCommand, at, "new", "memory=1M", "aoe.address=9.7", "aoe.netif=eth0");
	t.match(told, { status: 1, out: "disk new: added\n", err: "vblade: disk new: may not be opened\n" });
	t.equal(await stage.state("new"), "failed");
});

t.test("a disk that a file names: it is said how long that lasts", async (t) => {
	const { at } = await stageOf(t);
	const told = await run(diskSetCommand, at, "mail", "limit.iops=200");
	t.match(told, { status: 0, err: /^vblade: note: a file names this disk: .* until the next reload/ });
	const json = await run(diskSetCommand, at, "--json", "--dry-run", "mail", "limit.iops=300");
	t.match(Plan.parse(JSON.parse(json.out)).steps, [{ live: true }]);
	const same = await run(diskSetCommand, at, "--json", "mail", "limit.iops=200");
	t.strictSame(Changed.parse(JSON.parse(same.out)).plan.steps, []);
});

t.test("on a terminal it asks where initiators notice, elsewhere not", async (t) => {
	const { stage, at } = await stageOf(t);
	const asked: string[] = [];
	const saying = (answer: boolean) => async (question: string) => {
		asked.push(question);
		return answer;
	};
	const set = (answer: boolean) => (argv: readonly string[], output: Parameters<typeof diskSetCommand>[1]) =>
		diskSetCommand(argv, output, saying(answer));
	t.match(await run(set(false), at, "web", "durability=none"), {
		status: 1,
		err: /closed and opened.*\nvblade: nothing was changed\n$/,
	});
	t.equal((await stage.ask("GET", "/api/v1/disks/web")).body.durability, "ack");
	t.match(await run(set(false), at, "web", "limit.iops=9"), { status: 0 });
	t.match(await run(set(false), at, "--yes", "web", "durability=flush"), { status: 0 });
	t.match(await run(set(true), at, "web", "durability=none"), { status: 0 });
	t.equal(asked.length, 2, "not for what is live, nor with --yes");
	t.match(await run(diskSetCommand, at, "web", "durability=ack"), { status: 0 }, "no terminal");
});

t.test("a disk in use is removed by those who mean it", async (t) => {
	const { stage, at } = await stageOf(t);
	t.equal((await run(diskRmCommand, at, "mail")).status, 0, "nobody uses it");
	const { inside } = stage.control;
	const user = { mac: "02:00:00:00:00:01", link: "eth0", disks: ["web"], lastSeenMs: Date.now() };
	const look = inside.observed.initiators.bind(inside.observed);
	const rest = { rates: NO_RATES, seconds: 1 };
	inside.observed.initiators = () => [...look(), { figures: { ...NOTHING, ...user }, ...rest }];
	t.match(await run(diskRmCommand, at, "web"), { status: 1, err: /--force removes it all the same\n$/ });
	const plan = await run(diskRmCommand, at, "--json", "--dry-run", "web");
	t.strictSame(Plan.parse(JSON.parse(plan.out)).users, ["02:00:00:00:00:01"], "the plan says by whom");
	const no: typeof diskRmCommand = (argv, output) => diskRmCommand(argv, output, async () => false);
	t.match(await run(no, at, "web"), { status: 1, err: /nothing was changed/ });
	t.equal(await stage.state("web"), "open");
	t.match(await run(diskRmCommand, at, "--force", "web"), { status: 0 });
});

t.test("a disk whose clients are connected is in use, whatever they have asked for", async (t) => {
	const { stage, at } = await stageOf(t);
	const sessions = { target: "iqn.2026-11.org.example:web", lun: 0, removable: false, refused: 0 };
	const session = {
		...{ peer: "192.0.2.7:4711", initiator: "iqn.2026-11.org.example:client", user: null },
		...{ isid: "00023d000001", headerDigest: false, dataDigest: false, since: new Date().toISOString() },
		...{ underWay: 0, reads: 0, readBytes: 0, writes: 0, writtenBytes: 0, errors: 0 },
	};
	const iscsi = { ...sessions, unavailable: null, sessionCount: 1, sessions: [session] };
	const { listener } = stage.workers;
	const refused = { status: 1, err: /--force removes it all the same\n$/ };
	listener?.seen({ ...viewOf("web"), iscsi });
	t.match(await run(diskRmCommand, at, "web"), refused);
	t.match(
		(await run(diskRmCommand, at, "--dry-run", "web")).out,
		/in use by iqn\.2026-11\.org\.example:client$/m,
	);
	listener?.seen({ ...viewOf("web"), iscsi: { ...iscsi, sessionCount: 3, sessions: [] } });
	t.match(await run(diskRmCommand, at, "web"), refused, "also by those who are not told one by one");
	const { since, initiator: _, user, isid, headerDigest, dataDigest, ...counts } = session;
	const client = { ...counts, identity: null, encryption: null, past: null, readOnly: false, since };
	const nbd = { name: "web", description: "", refused: 0, clientCount: 1, clients: [client] };
	listener?.seen({ ...viewOf("web"), nbd });
	t.match(await run(diskRmCommand, at, "web"), refused);
	t.match((await run(diskRmCommand, at, "--dry-run", "web")).out, /in use by 192\.0\.2\.7:4711$/m);
	listener?.seen(viewOf("web"));
	t.match(await run(diskRmCommand, at, "web"), { status: 0 });
});

const NOTHING = {
	counters: NO_COUNTERS,
	latency: { read: null, write: null, flush: null },
	onDisk: () => undefined,
};

t.test("fenced and unfenced", async (t) => {
	const { stage, at } = await stageOf(t);
	t.match(await run(diskFenceCommand, at, "web"), { status: 0, out: "disk web is fenced\n" });
	t.equal(await stage.state("web"), "fenced");
	t.match(await run(diskUnfenceCommand, at, "web"), { status: 0, out: "disk web is open\n" });
});

t.test("settings that are wrong", async (t) => {
	const { at } = await stageOf(t);
	for (const [words, message] of [
		[["limit"], /"limit": KEY=VALUE is expected here/],
		[["=1"], /KEY=VALUE is expected/],
		[["limit.iop=1"], /no such key "limit.iop"; did you mean "limit.iops"\?/],
		[["limit.iops=many"], /limit\.iops "many": a number is allowed/],
		[["limit.iops=0"], /limit\.iops: .*a number of operations per second/],
		[["limit=5"], /this is a table; give its keys, as in limit\.iops=/],
		[["iscsi.chap=5"], /this is a table; give its keys, as in iscsi\.chap\.user=/],
		[["iscsi.chap.users=web"], /no such key "iscsi.chap.users"; did you mean "iscsi.chap.user"/],
		[["read_only=yes"], /true or false is allowed/],
		[["durability=fast"], /ack, flush or none is allowed/],
		[["aoe.macs=[oops"], /no value of TOML/],
		[["aoe.macs=02:00"], /6 pairs of hexadecimal digits/],
		[["aoe.address=9"], /shelf and slot are allowed/],
		[["limit.iops=1", "limit.iops=2"], /limit\.iops is given already/],
		[["limit.iops=1", "limit="], /limit\.iops is given already/],
	] as const)
		t.match(await run(diskSetCommand, at, "web", ...words), { status: 2, err: message }, words.join(" "));
	t.match(await run(diskAddCommand, at, "x", "limit.iops="), { status: 2, err: /a value is expected/ });
	t.match(
		await run(diskAddCommand, at, "x", "limit.iops=5"),
		{ status: 1, err: /^vblade: .+/ },
		"no storage",
	);
});

t.test("tables within tables have dots, too", async (t) => {
	const { stage, at } = await stageOf(t);
	const chap = ["iscsi.chap.user=web", "iscsi.chap.secret_file=/etc/vblade/web.chap"];
	const words = ["memory=1M", "iscsi.target=iqn.2026-11.org.example:new", ...chap];
	t.match(await run(diskAddCommand, at, "new", ...words), { status: 0 });
	t.match((await stage.ask("GET", "/api/v1/disks/new")).body.settings, {
		iscsi: { chap: { user: "web", secret_file: "/etc/vblade/web.chap" } },
	});
});

t.test("where a disk is, and who may use it, whatever protocols it is served by", async (t) => {
	const { at } = await stageOf(t);
	const words = [
		"memory=1M",
		...["nbd.name=img", "nbd.clients=192.0.2.0/24", "nbd.readers=uid:7"],
		...["iscsi.target=iqn.2026-11.org.example:new", "iscsi.lun=3", "iscsi.clients=2001:db8::1"],
		...["iscsi.initiators=iqn.2026-11.org.example:host", "iscsi.chap.user=web"],
		...["iscsi.chap.secret_file=/etc/vblade/web.chap", "iscsi.chap.mutual_user=us"],
		"iscsi.chap.mutual_secret_file=/etc/vblade/us.chap",
	];
	t.match(await run(diskAddCommand, at, "new", ...words), { status: 0 });
	const { out } = await run(diskLsCommand, at, "--search", "org.example:new");
	t.match(out, /^new +\w+ +nbd:img iscsi:iqn\.2026-11\.org\.example:new\/3 /m);
	t.notMatch(out, /^web /m);
	const facts = (await run(diskShowCommand, at, "new")).out.split("\n");
	for (const fact of [
		/^nbd from +192\.0\.2\.0\/24$/,
		/^nbd reads only +uid:7$/,
		/^iscsi initiators +iqn\.2026-11\.org\.example:host$/,
		/^iscsi from +2001:db8::1$/,
		/^iscsi chap +web, and it is proved to them to be us$/,
	])
		t.ok(
			facts.some((line) => fact.test(line)),
			String(fact),
		);
	const web = (await run(diskShowCommand, at, "web")).out;
	t.notMatch(web, /^(nbd|iscsi) /m, "nothing of what it is not served by");
});
