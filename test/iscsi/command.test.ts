// `vblade iscsi`: a file to every address at once, what to type at an initiator, who may log in, and mistakes that are told.

import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import t from "tap";
import { LoginStatus } from "../../lib/iscsi/pdu.js";
import { scratchDirectory } from "../support/cleanup.js";
import { inNamespace } from "../support/in-namespace.js";
import { READ_CAPACITY_10 } from "../support/iscsi/cdbs.js";
import { Initiator } from "../support/iscsi/initiator.js";
import type { LoginWishes } from "../support/iscsi/initiator-login.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program, run } from "../support/process.js";

const NAME = "iqn.1993-08.org.debian:01:abc";
const TARGET = "iqn.2026-11.org.example:web";

async function statusAt(host: string, wishes: Partial<LoginWishes> = {}, port = 3260): Promise<number> {
	const one = new Initiator(connect(port, host));
	t.teardown(() => one.close());
	const { status } = await one.login({ name: NAME, target: TARGET, ...wishes });
	one.close();
	return status;
}

if (await inNamespace(import.meta.url)) {
	execFileSync("ip", ["link", "set", "lo", "up"], { timeout: LIMIT_MS });
	const folder = scratchDirectory();
	const secret = path.join(folder, "secret");
	writeFileSync(secret, "not too short\n", { mode: 0o600 });
	const copy = path.join(folder, "copy");
	writeFileSync(copy, "not too short\n", { mode: 0o600 });
	const other = path.join(folder, "other");
	writeFileSync(other, "another of ours\n", { mode: 0o600 });

	t.test("without an address it is at all of them, by a name that stays", async (t) => {
		const file = path.join(folder, "disk.img");
		writeFileSync(file, Buffer.alloc(1024 * 1024));
		const server = new Program([...vbladeCommand(), "iscsi", file]);
		const [, target = ""] = await server.waitFor(/^target (iqn\.2026-11\.\S+:disk\.img), LUN 0;/m, LIMIT_MS);
		await server.waitFor(/^ {2}iscsiadm -m node -T \S+ -p 127\.0\.0\.1 --login$/m, LIMIT_MS);
		for (const host of ["127.0.0.1", "::1"])
			t.equal(await statusAt(host, { target }), LoginStatus.success, host);
		const one = new Initiator(connect(3260, "127.0.0.1"));
		await one.login({ name: NAME, target });
		await one.command({ cdb: READ_CAPACITY_10, read: 8 });
		t.equal((await one.command({ cdb: READ_CAPACITY_10, read: 8 })).data.readUInt32BE(0), 2047);
		t.same(await server.stop(), { code: 0, signal: null });
		await one.over;
	});

	t.test("who may log in, and what has to be proved", async (t) => {
		const args = ["--target", TARGET, "--initiator", NAME, "--chap-user", "us", "--chap-file", secret];
		const server = new Program([...vbladeCommand(), "iscsi", ...args, "127.0.0.1:3261", "mem:1M"]);
		await server.waitFor(/auth\.username -v us\n.*\n.* -p 127\.0\.0\.1:3261 --login$/m, LIMIT_MS);
		const chap = { user: "us", secret: Buffer.from("not too short") };
		t.equal(await statusAt("127.0.0.1", { chap }, 3261), LoginStatus.success);
		t.equal(await statusAt("127.0.0.1", {}, 3261), LoginStatus.authenticationFailed);
		t.equal(await statusAt("127.0.0.1", { chap, name: `${NAME}d` }, 3261), LoginStatus.forbidden);
		t.same(await server.stop(), { code: 0, signal: null });
	});

	t.test("what to type where both sides prove who they are", async (t) => {
		const chap = ["--chap-user", "us", "--chap-file", secret, "--mutual-user", "we", "--mutual-file", other];
		const server = new Program([...vbladeCommand(), "iscsi", ...chap, "127.0.0.1:3262", "mem:1M"]);
		await server.waitFor(
			/auth\.username -v us\n.*\n.*auth\.username_in -v we\n.*auth\.password_in -v OTHER_SECRET\n.* --login$/m,
			LIMIT_MS,
		);
		t.same(await server.stop(), { code: 0, signal: null });
	});

	t.test("mistakes", async (t) => {
		const cases: readonly (readonly [args: readonly string[], told: RegExp])[] = [
			[[], /missing argument: filename/],
			[["--lun=20000", "mem:1M"], /lun "20000": a LUN is a number from 0 to 16383/],
			[["--target=web", "mem:1M"], /target "web": a name such as iqn/],
			[["--chap-user=us", "mem:1M"], /--chap-file is missing/],
			[["--chap-user=us", "--chap-file=/none", "mem:1M"], /^vblade: \/none: there is no such file$/],
			[
				["--chap-user=us", `--chap-file=${secret}`, "--mutual-user=we", `--mutual-file=${copy}`, "mem:1M"],
				/^vblade: \S+secret and \S+copy: hold the same secret; each direction needs one of its own$/,
			],
			[["localhost", "mem:1M"], /address "localhost": unix:PATH, .* such as 127.0.0.1:3260 or/],
			[["::1", "mem:1M"], /address "::1": unix:PATH, or a numeric address/],
			[["127.0.0.1", "mem:1M", "more"], /unknown argument: more/],
		];
		for (const [args, told] of cases) {
			const { code, output } = await run([...vbladeCommand(), "iscsi", ...args], LIMIT_MS);
			t.equal(code, 2, output);
			t.match(output.trim(), told);
		}
	});
}
