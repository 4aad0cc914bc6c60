/**
 * The commands of docs/containers.md, by Podman itself: the image is built, a container serves a disk to an initiator outside, reads its
 * configuration again, is stopped, killed, started, and is the same disk. Skipped where Podman is not installed. Where no registry can be
 * reached, the image of Debian 13 that ours is built on is made by debootstrap.
 */

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { Lan } from "../support/netns.js";
import { PROJECT, sourceFile, vbladeCommand } from "../support/paths.js";
import { PrivateShell } from "../support/private-shell.js";
import { run } from "../support/process.js";
import { makePackage, succeed as succeedWithin } from "./deb-stage.js";

const BUILD_LIMIT_MS = 600_000;
const BASE = "docker.io/library/debian:13-slim";
t.setTimeout(2 * BUILD_LIMIT_MS);

const skip =
	process.getuid?.() !== 0
		? "a container on interfaces needs root"
		: spawnSync("podman", ["--version"]).status !== 0 && "there is no podman";

/** $1: a folder for images and containers. A runtime of Debian 12 can't do with control groups of both versions. */
const ENTER = `
mount -t proc proc /proc
umount /sys/fs/cgroup/unified 2>/dev/null
mkdir -p /run/crun && mount -t tmpfs vblade-test /run/crun
export STORE="$1"
exec sh`;
/** The document's commands, with images and containers of the test's own. */
const PODMAN = 'podman() { command podman --root "$STORE/images" --runroot "$STORE/run" "$@"; }';

/** Who may not raise limits has those of the caller, as Podman has lowered them. */
const LIMITS = /--ulimit=nofile=\S+ --ulimit=memlock=\S+/;
const MAY_RAISE = "(ulimit -n 1048576 && ulimit -l unlimited)";
const LOWER = "--ulimit=nofile=$(ulimit -Hn):$(ulimit -Hn) --ulimit=nproc=32768:32768";

const document = readFileSync(sourceFile("docs/containers.md"), "utf8");

/** A command of the document, from its first word to the end of its last line. */
function documented(pattern: RegExp): string {
	const [command] = pattern.exec(document) ?? [];
	if (command === undefined) throw new Error(`docs/containers.md has no ${pattern}`);
	return command.replace(/^sudo /, "");
}

const succeed = async (t: Test, shell: PrivateShell, lines: string): Promise<string> =>
	(await succeedWithin(t, shell, lines, BUILD_LIMIT_MS)).output.trim();

function configure(folder: string, other: boolean): void {
	const disk = (name: string, storage: string, address: string) =>
		`[disk.${name}]\n${storage}\naoe = { address = "${address}", netif = ["lan0"] }\n`;
	const web = disk("web", 'file = "/srv/vblade/web.img"', "9.0");
	const text = web + (other ? disk("other", 'memory = "1M"', "9.1") : "");
	writeFileSync(path.join(folder, "etc/vblade/vblade.toml"), text);
}

/** What a host has: configuration, state, a disk that is root's alone. */
function host(): string {
	const folder = scratchDirectory();
	for (const name of ["etc/vblade", "var/lib/vblade", "run/vblade", "srv/vblade", "store"])
		mkdirSync(path.join(folder, name), { recursive: true });
	writeFileSync(path.join(folder, "srv/vblade/web.img"), "", { mode: 0o600 });
	truncateSync(path.join(folder, "srv/vblade/web.img"), 10 * 1024 * 1024);
	configure(folder, false);
	return folder;
}

async function makeImage(t: Test, shell: PrivateShell, context: string): Promise<void> {
	const base = `podman pull -q ${BASE} || {
		debootstrap --variant=minbase trixie "$STORE/debian" http://deb.debian.org/debian &&
		tar -C "$STORE/debian" --numeric-owner -c . | podman import - ${BASE}; }`;
	await succeed(t, shell, base);
	const build = documented(/sudo podman build .*/);
	await succeed(t, shell, build.replace("build", "build --network=host").replace(/\S+$/, context));
}

/** What starts the container, on a network and with folders of the test's own. */
async function startCommand(shell: PrivateShell, folder: string, namespace: string): Promise<string> {
	const start = documented(/sudo podman run (?:.*\\\n)+\s*vblade$/m)
		.replace("--network=host", `--network=ns:/run/netns/${namespace}`)
		// As the document says, for those outside who ask.
		.replace("--tmpfs=/run", "$& --volume=/run/vblade:/run/vblade")
		.replaceAll("--volume=/", `--volume=${folder}/`)
		.replace(/ --device=\S+/, "");
	const mayRaise = (await shell.run(MAY_RAISE)).code === 0;
	return mayRaise ? start : start.replace(LIMITS, LOWER);
}

t.test("a container, as the document says", { skip }, async (t) => {
	const file = await makePackage();
	const lan = new Lan();
	t.teardown(() => lan.remove());
	const folder = host();
	const shell = new PrivateShell(ENTER, [path.join(folder, "store")]);
	t.teardown(() => shell.end());
	await succeed(t, shell, `${PODMAN}; cd ${PROJECT}`);

	await makeImage(t, shell, path.dirname(file));
	const start = await startCommand(shell, folder, lan.server.name);
	await succeed(t, shell, start);

	const farEnd = async (doing: "read" | "write"): Promise<string> => {
		const program = [process.execPath, sourceFile("build/test/package/far-end.js"), doing, "lan0"];
		const { code, stdout, output } = await run(program, LIMIT_MS, { namespace: lan.client.name });
		t.equal(code, 0, `${doing}: ${code === 0 ? "" : output}`);
		return stdout;
	};
	const serving = (what: string) =>
		until(what, async () => (await shell.run(`podman exec vblade ${what}`)).code === 0, LIMIT_MS);

	await serving("vblade status");
	const outside = [...vbladeCommand(), "status", "--socket", path.join(folder, "run/vblade/vblade.sock")];
	await succeed(t, shell, outside.join(" "));
	const identity = await farEnd("write");

	configure(folder, true);
	await succeed(t, shell, documented(/sudo podman kill --signal=HUP vblade/));
	await serving("vblade disk show other");

	await succeed(t, shell, documented(/sudo podman stop vblade/));
	const ended = "podman inspect --format '{{.State.Status}} {{.State.ExitCode}}' vblade";
	t.equal(await succeed(t, shell, ended), "exited 0", "it has ended in order");
	await succeed(t, shell, "podman start vblade");
	t.equal(
		await farEnd("read"),
		identity,
		"stopped and started, it is the same disk, and has what was written",
	);

	const first = "podman inspect --format '{{.State.Pid}}' vblade";
	const killed = await succeed(t, shell, first);
	await succeed(t, shell, `kill -KILL ${killed}`);
	const isAnother = async () => ![killed, "0"].includes((await shell.run(first)).output.trim());
	await until("another first process", isAnother, LIMIT_MS);
	t.equal(await farEnd("read"), identity, "killed, it is started again");

	await succeed(t, shell, documented(/sudo podman rm --force vblade/));
	await succeed(t, shell, start);
	t.equal(await farEnd("read"), identity, "another container in its place has the same disk");
	await succeed(t, shell, "podman rm --force vblade");
});
