/**
 * The Debian package, installed by dpkg over Debian's own vblade, on a copy of this machine: its exports are served on, by an init
 * script or, in long runs, by systemd's or as a container has it; an upgrade keeps what was changed; and nothing is left when it is purged.
 * An initiator of ours looks each time.
 */

import { readFileSync } from "node:fs";
import t, { type Test } from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { longTest } from "../support/long.js";
import { sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";
import { copiesMissing, type SystemCopy } from "../support/system-copy.js";
import { INSTALL, machineOfDebian, makePackage, START_NOTHING, seen, succeed } from "./deb-stage.js";

const skip = copiesMissing() ?? false;
const { version } = JSON.parse(readFileSync(sourceFile("package.json"), "utf8")) as { version: string };

const DISK = '[disk.web]\nfile = "/srv/web.img"\naoe = { address = "9.0", netif = ["lan0"] }';

let file = "";

/** Removes and purges it. */
async function takeAway(t: Test, machine: SystemCopy): Promise<void> {
	await succeed(t, machine, "dpkg --remove vblade");
	t.not((await machine.run("pgrep -x node")).code, 0, "nothing runs");
	await succeed(t, machine, "test -e /etc/vblade/vblade.toml && test -e /var/lib/vblade/disks.json");
	const { output } = await succeed(t, machine, "dpkg --purge vblade");
	t.notMatch(output, /error/);
	t.not((await machine.run("id vblade")).code, 0);
	const found = "find /tmp/changed -name '*vblade*' ! -type c -newer /srv/web.img -printf '/%P\\n'";
	const left = `${found} | grep -v '^/tmp\\|^/var/cache\\|/info$'`;
	t.strictSame((await machine.run(left)).output.trim().split("\n"), ["/etc/vblade.conf.d"]);
	t.equal((await machine.run("ls /etc/vblade.conf.d")).output, "web.conf\n", "the operator's own");
}

t.test("it is made", { skip }, async (t) => {
	file = await makePackage();
	const { output } = await run(["dpkg-deb", "--field", file], LIMIT_MS);
	t.match(output, new RegExp(`^Version: 1:${version.replaceAll(".", "\\.")}$`, "m"), "newer than Debian's");
	t.match(output, /^Depends: nodejs \(>= 20\.19\), adduser, libc6 \(>= [\d.]+\)/m);
	t.match(output, /^Recommends: libpcap0\.8/m);
	const { stdout } = await run(["dpkg-deb", "--contents", file], LIMIT_MS);
	for (const line of stdout.trim().split("\n"))
		if (!/^[d-]rw[x-]r-[x-]r-[x-] root\/root|^lrwxrwxrwx root\/root/.test(line)) t.fail(line);
});

t.test("over Debian's vblade, with an init script", { skip }, async (t) => {
	const machine = await machineOfDebian(file);
	t.teardown(() => machine.end());
	await machine.run("/etc/init.d/vblade start");
	const { output: before } = await succeed(t, machine, "cat /run/vblade/web.pid");

	await t.test("what it does not understand leaves Debian's server alone", async (t) => {
		await succeed(
			t,
			machine,
			"sed 's/slot=0/slot=none/' /etc/vblade.conf.d/web.conf >/etc/vblade.conf.d/bad.conf",
		);
		const { output } = await succeed(t, machine, INSTALL);
		t.match(output, /bad\.conf:2\b.*\n(?:.*\n)*vblade: what served until now is left alone/);
		await succeed(t, machine, `kill -0 ${before}`);
		await succeed(t, machine, "rm /etc/vblade.conf.d/bad.conf");
	});

	await succeed(t, machine, INSTALL);
	t.equal(await seen(machine), "e9.0", "once it is, Debian's export is served");
	t.not((await machine.run(`kill -0 ${before}`)).code, 0, "and no longer by Debian's");
	t.match((await succeed(t, machine, "vblade --version")).output, `vblade ${version}`);
	await succeed(
		t,
		machine,
		"id vblade && /etc/init.d/vblade status && test -e /usr/share/man/man5/vblade.toml.5.gz",
	);
	const workers = await machine.run(
		"ps -o user:20= -o args= -C node | grep -c '^vblade .* \\(worker\\|control\\)$'",
	);
	t.equal(workers.output.trim(), "2", "worker and control are its user's");

	await t.test("an upgrade keeps configuration and identities", async (t) => {
		const changed =
			"echo '# mine' >>/etc/vblade/vblade.toml && sha256sum /var/lib/vblade/disks.json /etc/vblade/vblade.toml";
		const { output } = await succeed(t, machine, changed);
		await succeed(t, machine, INSTALL);
		t.equal(await seen(machine), "e9.0");
		t.equal(
			(await machine.run("sha256sum /var/lib/vblade/disks.json /etc/vblade/vblade.toml")).output,
			output,
		);
	});

	await t.test("what serves is left alone when the configuration is not good", async (t) => {
		const { output: pid } = await succeed(t, machine, "cat /run/vblade.pid");
		await succeed(t, machine, "echo '[disk' >/etc/vblade/conf.d/bad.toml");
		const { output } = await succeed(t, machine, INSTALL);
		t.match(output, /bad\.toml:1:\d+: .*\n(?:.*\n)*vblade: what served until now is left alone/);
		t.equal((await machine.run("cat /run/vblade.pid")).output, pid);
		t.equal(await seen(machine), "e9.0");
		await succeed(t, machine, "rm /etc/vblade/conf.d/bad.toml");
	});

	await t.test("removed and purged, nothing is left", (t) => takeAway(t, machine));
});

longTest(
	"as a container has it: the first process, with no more capabilities than the document gives",
	{ skip },
	async (t) => {
		const machine = await machineOfDebian(file);
		t.teardown(() => machine.end());
		const document = readFileSync(sourceFile("docs/containers.md"), "utf8");
		const capabilities = [...document.matchAll(/--cap-add=(\w+)/g)].map(
			([, name = ""]) => `+${name.toLowerCase()}`,
		);
		t.equal(new Set(capabilities).size, 7);
		// As in images: nothing may be started while they are built.
		await succeed(t, machine, "dpkg --purge vblade && rm -r /etc/vblade.conf.d");
		await succeed(t, machine, START_NOTHING);
		await succeed(t, machine, INSTALL);
		t.not((await machine.run("pgrep -x node")).code, 0, "nothing was started");
		await succeed(t, machine, `cat >/etc/vblade/conf.d/web.toml <<'END'\n${DISK}\nEND`);
		const alone = `unshare --pid --fork --mount-proc setpriv --no-new-privs --bounding-set=-all,${capabilities.join()} vblade daemon`;
		await succeed(t, machine, `${alone} >/tmp/said 2>&1 &`);
		await succeed(
			t,
			machine,
			"timeout 20 sh -c 'until grep ready: /tmp/said; do sleep 0.1; done' || cat /tmp/said",
		);
		t.equal(await seen(machine), "e9.0");
		// The runtime's signal to the first process.
		await succeed(t, machine, "kill -TERM $(pgrep -o -x -f 'node .*/vblade daemon')");
		await succeed(t, machine, "timeout 20 sh -c 'while pgrep -x node; do sleep 0.1; done'");
	},
);

longTest("over Debian's vblade, with systemd", { skip }, async (t) => {
	const machine = await machineOfDebian(file);
	t.teardown(() => machine.end());
	// It runs nothing here, but says what it is asked for.
	const systemctl = '#!/bin/sh\necho "$*" >>/tmp/asked\ncase $* in *is-enabled*) echo enabled ;; esac';
	const put = "mkdir -p /run/systemd/system && cat >/usr/local/bin/systemctl";
	await succeed(t, machine, `${put} <<'END'\n${systemctl}\nEND\nchmod 755 /usr/local/bin/systemctl`);
	const asked = async (): Promise<string[]> => {
		const { output } = await succeed(t, machine, "cat /tmp/asked && rm /tmp/asked");
		return output.split("\n").filter((line) => /daemon-reload|(?:start|stop) /.test(line));
	};
	await succeed(t, machine, INSTALL);
	t.strictSame(
		(await asked()).slice(-3),
		["--system daemon-reload", "stop vblade@*.service", "--quiet --system restart vblade.service"],
		"the servers of Debian's package are stopped just before ours is started",
	);
	await succeed(t, machine, "test -L /etc/systemd/system/multi-user.target.wants/vblade.service");
	await succeed(t, machine, "dpkg --purge vblade");
	const stopped = ["stop vblade.socket vblade.service", "stop vblade-objects@*.service"];
	t.match(await asked(), [...stopped, "--system daemon-reload"]);
	t.not((await machine.run("test -L /etc/systemd/system/multi-user.target.wants/vblade.service")).code, 0);
});
