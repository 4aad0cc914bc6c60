/**
 * The daemon on machines without systemd: what docs/containers.md has for OpenRC and for runit, as it stands there, and the package's init
 * script under OpenRC. Each on a copy of this machine: started, asked to reload, killed, stopped. OpenRC and runit are fetched by apt-get.
 */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";
import { copiesMissing, type SystemCopy } from "../support/system-copy.js";
import { INSTALL, machineOfDebian, makePackage, START_NOTHING, seen, succeed } from "./deb-stage.js";

const FETCH_LIMIT_MS = 120_000;
t.setTimeout(600_000);
/** The first process of the daemon, by whichever name it was started. */
const FIRST = "pgrep -o -x -f 'node .*/vblade(\\.js)? daemon'";
const skip = copiesMissing() ?? false;

/** The script of the document that begins so. */
function script(firstLine: string): string {
	const document = readFileSync(sourceFile("docs/containers.md"), "utf8");
	const found = document.split("```sh\n").find((block) => block.startsWith(firstLine));
	if (found === undefined) throw new Error(`docs/containers.md has no ${firstLine}`);
	return found.slice(0, found.indexOf("```"));
}

/** A machine with our package and these, on which nothing runs yet; its configuration is an export of Debian's. */
async function machineWith(t: Test, ...packages: readonly string[]): Promise<SystemCopy> {
	const folder = scratchDirectory();
	const fetched = await run(["apt-get", "download", ...packages], FETCH_LIMIT_MS, { cwd: folder });
	t.equal(fetched.code, 0, fetched.code === 0 ? "they are fetched" : fetched.output);
	const files = readdirSync(folder).map((name) => path.join(folder, name));
	const machine = await machineOfDebian(await makePackage(), ...files);
	t.teardown(() => machine.end());
	await succeed(t, machine, START_NOTHING);
	await succeed(t, machine, INSTALL);
	return machine;
}

async function put(t: Test, machine: SystemCopy, file: string, text: string, mode = "644"): Promise<void> {
	await succeed(t, machine, `mkdir -p ${path.dirname(file)} && cat >${file} <<'END'\n${text}END`);
	await succeed(t, machine, `chmod ${mode} ${file}`);
}

const answers = (machine: SystemCopy, wanted: string): Promise<void> =>
	until(`answers of ${wanted}`, async () => (await seen(machine)) === wanted, LIMIT_MS);

interface Supervisor {
	readonly start: string;
	readonly status: string;
	readonly reload: string;
	readonly stop: string;
}

/** All that it is for. */
async function goesThrough(t: Test, machine: SystemCopy, { start, status, reload, stop }: Supervisor) {
	const ended = () => until("its end", async () => (await machine.run("pgrep -x node")).code !== 0, LIMIT_MS);
	await succeed(t, machine, start);
	await answers(machine, "e9.0");
	await succeed(t, machine, status);

	const other = '[disk.other]\nmemory = "1M"\naoe = { address = "9.1", netif = ["lan0"] }\n';
	await put(t, machine, "/etc/vblade/conf.d/other.toml", other);
	await succeed(t, machine, reload);
	await answers(machine, "e9.0\ne9.1");

	const { output: killed } = await succeed(t, machine, FIRST);
	await succeed(t, machine, `kill -KILL ${killed}`);
	const isAnother = async (): Promise<boolean> => {
		const { code, output } = await machine.run(`vblade status >/dev/null 2>&1 && ${FIRST}`);
		return code === 0 && output !== killed;
	};
	await until("another", isAnother, LIMIT_MS);
	await answers(machine, "e9.0\ne9.1");
	await succeed(t, machine, status);

	await succeed(t, machine, stop);
	await ended();
	await succeed(t, machine, "rm /etc/vblade/conf.d/other.toml");
}

t.test("OpenRC", { skip }, async (t) => {
	const machine = await machineWith(t, "openrc", "librc1", "libeinfo1", "insserv");
	// It thinks that the machine was started by it.
	await succeed(t, machine, "mkdir -p /run/openrc && touch /run/openrc/softlevel");
	const service: Supervisor = {
		start: "rc-service vblade start",
		status: "rc-service vblade status",
		reload: "rc-service vblade reload",
		stop: "rc-service vblade stop",
	};
	await t.test("the package's init script", (t) => goesThrough(t, machine, service));
	await t.test("the document's", async (t) => {
		await put(t, machine, "/etc/init.d/vblade", script("#!/sbin/openrc-run\n"), "755");
		await goesThrough(t, machine, service);
		t.not((await machine.run(service.status)).code, 0, "it is stopped");
		const { output } = await succeed(t, machine, "cat /var/log/vblade.log");
		t.match(output, /^vblade\[control\]: info: carried out: /m, "its log");
	});
});

t.test("runit", { skip }, async (t) => {
	const machine = await machineWith(t, "runit", "runit-helper", "sysuser-helper");
	await put(t, machine, "/etc/sv/vblade/run", script("#!/bin/sh\nulimit"), "755");
	await goesThrough(t, machine, {
		start: "setsid runsv /etc/sv/vblade >/tmp/said 2>&1 &",
		status: "sv status /etc/sv/vblade | grep ^run:",
		reload: "sv hup /etc/sv/vblade",
		stop: "sv down /etc/sv/vblade",
	});
	t.match((await succeed(t, machine, "cat /tmp/said")).output, /vblade\[control\]: info: carried out: /);
});
