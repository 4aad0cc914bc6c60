// iSCSI in the daemon: disks as LUNs of targets at the sockets of `[iscsi] listen`; who may log in, and what has to be proved; what a reload
// changes while initiators are logged in; what is told of all that; and a worker that is killed.

import { execFileSync } from "node:child_process";
import { truncateSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import t, { type Test } from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { type Answer, DaemonTree } from "../daemon/tree-bench.js";
import { pause, until } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { READ_CAPACITY_10, read10, TEST_UNIT_READY, write10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import type { LoginWishes } from "../support/iscsi/initiator-login.js";
import { LIMIT_MS } from "../support/limit.js";
import { run } from "../support/process.js";

const PORT = 3260;
const FOUR = `127.0.0.1:${PORT}`;
const SIX = `[::1]:${PORT}`;
const NAME = "iqn.1993-08.org.debian:01:abc";
const OTHER = "iqn.1993-08.org.debian:01:def";
const SHOP = "iqn.2026-11.org.example:shop";
const SAFE = "iqn.2026-11.org.example:safe";
const LATE = "iqn.2026-11.org.example:late";
const SECRET = "not too short";

function initiator(host = "127.0.0.1"): Initiator {
	const one = new Initiator(connect(PORT, host));
	t.teardown(() => one.close());
	return one;
}

async function statusOf(wishes: Partial<LoginWishes>): Promise<number> {
	const one = initiator();
	const { status } = await one.login({ name: NAME, target: SHOP, ...wishes });
	one.close();
	return status;
}

async function loggedIn(wishes: Partial<LoginWishes> = {}): Promise<Initiator> {
	const one = initiator();
	const { status } = await one.login({ name: NAME, target: SHOP, ...wishes });
	if (status !== LoginStatus.success) throw new Error(`refused: ${status.toString(16)}`);
	return one;
}

/** What is to be told of a unit is told with the first command: until there is no more. */
async function asc(one: Initiator, lun = 0): Promise<number> {
	return (await one.command({ lun, cdb: TEST_UNIT_READY })).sense?.asc ?? 0;
}

async function quiet(one: Initiator, lun = 0): Promise<void> {
	await until("it is told all", async () => (await asc(one, lun)) === 0, LIMIT_MS);
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const tree = new DaemonTree();
	writeFileSync(tree.path("secret"), `${SECRET}\n`, { mode: 0o600 });
	const listen = `[iscsi]\nlisten = ["${FOUR}", "${SIX}"]\n`;
	const disk = (name: string, iscsi: string, more = ""): string =>
		`[disk.${name}]\nfile = "${tree.file(`${name}.img`)}"\n${more}[disk.${name}.iscsi]\n${iscsi}\n`;
	const aoe = `[disk.web.aoe]\naddress = "9.0"\nnetif = ["unix:${tree.frames}"]\n`;
	const web = (more = ""): string =>
		disk("web", `target = "${SHOP}"\n${more}`, "limit = { iops = 1000000 }\n");
	const mail = (more = ""): string => disk("mail", `target = "${SHOP}"\nlun = 3\n${more}`);
	const chap = `chap = { user = "us", secret_file = "${tree.path("secret")}" }`;
	const safe = disk("safe", `target = "${SAFE}"\n${chap}`);
	const only = `initiators = ["${OTHER}"]\n`;
	const configure = (...parts: readonly string[]): void => tree.configure(`workers = 2\n${parts.join("")}`);
	configure(listen, web(), aoe, mail(), safe);
	await tree.start();
	t.teardown(() => tree.stop());
	const reload = async (t: Test): Promise<void> => {
		t.ok(await tree.reload());
		await tree.nothingUnderWay();
	};
	const told = async (name = "web"): Promise<Answer["body"]> =>
		(await tree.ask("GET", `/api/v1/disks/${name}`)).body;
	const isTold = (what: string, name = "web") =>
		until(what, async () => JSON.stringify((await told(name)).iscsi).includes(what), LIMIT_MS);

	t.test("discovery by IPv4 and IPv6", async (t) => {
		for (const [host, portal] of [
			["127.0.0.1", FOUR],
			["::1", SIX],
		] as const) {
			const one = initiator(host);
			t.equal((await one.login({ name: NAME })).status, LoginStatus.success);
			const found = await one.text({ SendTargets: "All" });
			t.match(JSON.stringify(found), `${portal},1`);
			t.equal(await one.logout(), 0);
		}
	});

	t.test("what is written by iSCSI is read by AoE", async (t) => {
		const one = await loggedIn();
		await quiet(one);
		const write = Buffer.alloc(4096, 7);
		t.equal((await one.command({ cdb: write10(8, 8), write, immediate: 4096 })).status, 0);
		const remote = await tree.open(9, 0);
		t.ok((await remote.read(8, 1)).every((byte) => byte === 7));
		t.equal((await one.command({ cdb: read10(8, 8), read: 4096 })).data.equals(write), true);
		one.close();
	});

	t.test("who is logged in is told, by API, command line and metrics", async (t) => {
		const one = await loggedIn({ keys: { DataDigest: "CRC32C" } });
		await quiet(one);
		t.equal((await one.command({ cdb: read10(0, 16), read: 8192 })).status, 0);
		await isTold('"readBytes":8192');
		const { iscsi, aoe } = await told();
		t.match(iscsi, {
			...{ target: SHOP, lun: 0, removable: false, unavailable: null, sessionCount: 1 },
			sessions: [
				{ initiator: NAME, peer: /^127\.0\.0\.1:/, dataDigest: true, headerDigest: false, reads: 1 },
			],
		});
		t.match(aoe, { address: "9.0" });
		const shown = await run([...tree.vblade, "disk", "show", "web", "--socket", tree.socket], LIMIT_MS);
		t.match(shown.output, new RegExp(`iscsi +LUN 0 of ${SHOP}\niscsi sessions +1, refused 0\n`));
		t.match(shown.output, /iscsi initiator +iqn\.1993-08\.org\.debian:01:abc at .*, digests of data since/);
		const { iscsi: all, counts } = (await tree.ask("GET", "/api/v1/status")).body;
		t.match(all, { sessions: 1, errors: { "unit attention": /[1-9]/ } });
		t.match(iscsi, { sessions: [{ errors: 0 }] }, "what it was told is no error");
		t.match(counts, { initiators: 2 }, "and one of AoE a moment ago");
		// (Of a disk that no other one has asked anything.)
		await quiet(one, 3);
		let busiest: unknown = null;
		const asked = async (): Promise<boolean> => {
			await one.command({ lun: 3, cdb: read10(0, 16), read: 8192 });
			busiest ??= (await told("mail")).busiestInitiator;
			return busiest !== null;
		};
		await until("who asks most of it is told", asked, LIMIT_MS);
		t.equal(busiest, NAME);
		const { output } = await run([...tree.vblade, "status", "--socket", tree.socket], LIMIT_MS);
		t.match(output, /iscsi sessions +1\n/);
		t.match(output, /initiators +2 connected, or heard/);
		t.notMatch(output, /iscsi errors/);
		one.close();
		await isTold('"sessionCount":0');
	});

	t.test("who is refused is told why", async (t) => {
		t.equal(await statusOf({ target: SAFE }), LoginStatus.authenticationFailed);
		const wrong = { user: "us", secret: Buffer.from("not this one") };
		t.equal(await statusOf({ target: SAFE, chap: wrong }), LoginStatus.authenticationFailed);
		const right = { user: "us", secret: Buffer.from(SECRET) };
		t.equal(await statusOf({ target: SAFE, chap: right }), LoginStatus.success);
		await isTold('"refused":2', "safe");
		const { iscsi } = (await tree.ask("GET", "/api/v1/status")).body;
		t.match(iscsi, { refusals: { authentication: 2 }, latest: [{ target: SAFE, initiator: NAME }] });
		const events = JSON.stringify((await tree.ask("GET", "/api/v1/events")).body);
		t.match(events, /"iscsi-initiator","severity":"warning"[^}]*was refused/);
	});

	const isToldWhy = (why: RegExp): Promise<void> => {
		const status = async () => JSON.stringify((await tree.ask("GET", "/api/v1/status")).body);
		return until(`it is told: ${why}`, async () => why.test(await status()), LIMIT_MS);
	};

	t.test("a reload that keeps somebody out cuts him off; others may come", async (t) => {
		const one = await loggedIn();
		configure(listen, web(only), aoe, mail(only), safe);
		await reload(t);
		await one.over;
		t.equal(await statusOf({}), LoginStatus.forbidden);
		await isToldWhy(/its name is not among the initiators/);
		t.equal(await statusOf({ name: OTHER }), LoginStatus.success);
		const far = 'clients = ["192.0.2.1"]\n';
		configure(listen, web(far), aoe, mail(far));
		await reload(t);
		t.equal(await statusOf({ name: OTHER }), LoginStatus.forbidden);
		await isToldWhy(/its address is not among those/);
		const asking = initiator("127.0.0.1");
		t.equal((await asking.login({ name: OTHER })).status, LoginStatus.success);
		t.same(await asking.text({ SendTargets: "All" }), {});
		asking.close();
		const event = /was shown nothing: its address is not among those/;
		const events = async () => JSON.stringify((await tree.ask("GET", "/api/v1/events")).body);
		await until("that it was shown nothing", async () => event.test(await events()), LIMIT_MS);
		configure(listen, web(), aoe, mail(), safe);
		await reload(t);
		t.equal(await statusOf({}), LoginStatus.success);
	});

	t.test("LUNs come and go while others are used", async (t) => {
		const one = await loggedIn();
		await quiet(one);
		configure(listen, web(), aoe, safe);
		await reload(t);
		t.equal(await asc(one, 3), 0x2500, "there is no such unit");
		t.equal(await asc(one), 0x3f0e, "the LUNs have changed");
		configure(listen, web(), aoe, mail(), safe);
		await reload(t);
		await quiet(one, 3);
		t.equal((await one.command({ lun: 3, cdb: READ_CAPACITY_10, read: 8 })).data.readUInt32BE(0), 2047);
		one.close();
	});

	t.test("a disk that grows is told of", async (t) => {
		const one = await loggedIn();
		await quiet(one);
		truncateSync(tree.path("web.img"), 2 * 1024 * 1024);
		await until("it is told that there is more", async () => (await asc(one)) === 0x2a09, LIMIT_MS);
		t.equal((await one.command({ cdb: READ_CAPACITY_10, read: 8 })).data.readUInt32BE(0), 4095);
		one.close();
	});

	t.test(
		"without its secret nobody can log in to a target, which is told; when it is there they can",
		async (t) => {
			const late = disk(
				"late",
				`target = "${LATE}"\nchap = { user = "us", secret_file = "${tree.path("late")}" }`,
			);
			configure(listen, web(), aoe, mail(), safe, late);
			await reload(t);
			const chap = { user: "us", secret: Buffer.from(SECRET) };
			t.equal(await statusOf({ target: LATE, chap }), LoginStatus.unavailable);
			await tree.problem(/iscsi: chap: .*late: there is no such file/);
			await isTold('"refused":1', "late");
			t.match((await told("late")).iscsi, { unavailable: /there is no such file/, refused: 1 });
			writeFileSync(tree.path("late"), SECRET, { mode: 0o600 });
			await reload(t);
			await until("it is read", async () => (await statusOf({ target: LATE, chap })) === 0, LIMIT_MS);
			t.equal(await statusOf({ target: LATE }), LoginStatus.authenticationFailed);
		},
	);

	t.test("a disk that commands add names no file of root's but those that root does", async (t) => {
		const added = (file: string) => ({
			memory: "1M",
			iscsi: { target: `${LATE}2`, chap: { user: "us", secret_file: file } },
		});
		const add = (name: string, file: string) => tree.ask("POST", "/api/v1/disks", { name, ...added(file) });
		const why = '"/etc/shadow": is no secret of the files that root configures';
		t.match(await add("other", "/etc/shadow"), { status: 422, body: { detail: why } });
		t.equal((await tree.ask("GET", "/api/v1/disks/other")).status, 404);
		t.match(await add("other", tree.path("secret")), { status: 202 });
		await tree.state("other", "open");
		const chap = { user: "us", secret: Buffer.from(SECRET) };
		t.equal(await statusOf({ target: `${LATE}2`, chap }), LoginStatus.success);
		const removed = await tree.ask("DELETE", "/api/v1/disks/other", undefined, {
			"if-match": "*",
		});
		t.equal(removed.status, 202);
		await tree.nothingUnderWay();
	});

	t.test(
		"another file with its secret, and a disk that goes: what nobody names any more is no trouble",
		async (t) => {
			writeFileSync(tree.path("moved"), SECRET, { mode: 0o600 });
			configure(listen, web(), aoe, mail(), safe.replace(tree.path("secret"), tree.path("moved")));
			await reload(t);
			const chap = { user: "us", secret: Buffer.from(SECRET) };
			// (Until it is read nobody can.)
			await until("it is read", async () => (await statusOf({ target: SAFE, chap })) === 0, LIMIT_MS);
			configure(listen, web(), aoe, mail());
			await reload(t);
			// (Longer than what is doubtful waits for.)
			await pause(2500);
			t.notMatch(String((await tree.ask("GET", "/api/v1/status")).body.problems), /chap/);
		},
	);

	t.test("a worker that is killed: who comes again is told to wait, and is let in", async (t) => {
		const one = await loggedIn();
		await tree.kill("worker", Number((await told()).worker));
		await one.over;
		const seen = new Set<number>();
		const isBack = async (): Promise<boolean> => {
			const status = await statusOf({}).catch(() => LoginStatus.unavailable);
			seen.add(status);
			return status === LoginStatus.success;
		};
		await until("it is served again", isBack, LIMIT_MS);
		t.notOk(seen.has(LoginStatus.notFound), "never that there is no such target");
	});
}
