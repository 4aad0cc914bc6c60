/**
 * A copy of this machine on which Debian's own vblade serves an export, and our Debian package beside it: what the tests of the package
 * have in common.
 */

import { existsSync } from "node:fs";
import type { Test } from "tap";
import { scratchDirectory } from "../support/cleanup.js";
import { isLong } from "../support/long.js";
import { PROJECT } from "../support/paths.js";
import type { PrivateShell, Said } from "../support/private-shell.js";
import { run } from "../support/process.js";
import { SystemCopy } from "../support/system-copy.js";

const BUILD_LIMIT_MS = 200_000;
/** Long runs have what is published, by xz. */
const QUICK = { DPKG_DEB_COMPRESSOR_TYPE: "gzip", DPKG_DEB_COMPRESSOR_LEVEL: "1" };

/** As much of daemon(1) as the init script of Debian's package uses. */
const DAEMON = `#!/bin/sh
action=run
while [ $# != 0 ]; do
	case $1 in
	--running) action=running ;;
	--stop) action=stop ;;
	--name) name=$2 && shift ;;
	--pidfiles) folder=$2 && shift ;;
	--output | --stdout | --stderr) shift ;;
	--) shift && break ;;
	esac
	shift
done
file=$folder/$name.pid
case $action in
running) kill -0 "$(cat "$file")" 2>/dev/null ;;
stop) kill "$(cat "$file")" && while kill -0 "$(cat "$file")" 2>/dev/null; do sleep 0.1; done && rm "$file" ;;
run) setsid "$@" </dev/null >/dev/null 2>&1 & echo $! >"$file" ;;
esac
`;

/**
 * No systemd, but init scripts that are allowed to start what they like; no index of manual pages, which takes longer than all the
 * rest of an installation; a network that is two ends of a cable; an export.
 */
const PREPARE = `
rm -f /usr/sbin/policy-rc.d /var/lib/man-db/auto-update
command -v node >/dev/null || ln -s "${process.execPath}" /usr/local/bin/node
printf '#!/bin/sh\\necho N 2\\n' >/sbin/runlevel.new && chmod 755 /sbin/runlevel.new && mv /sbin/runlevel.new /sbin/runlevel
cat >/usr/bin/daemon <<'END'
${DAEMON}
END
chmod 755 /usr/bin/daemon
ip link add lan0 type veth peer name lan1 && ip link set lan0 up && ip link set lan1 up
truncate -s 10M /srv/web.img
printf 'shelf=9\\nslot=0\\nnetif=lan0\\nfilename=/srv/web.img\\noptions=\\nionice=\\n' >/etc/vblade.conf.d/web.conf`;

/** Installs the package; without regard to Node.js where that is not one of Debian's packages. */
export const INSTALL =
	"dpkg $(dpkg-query -W nodejs >/dev/null 2>&1 || echo --force-depends) -i /tmp/given/*.deb";

/** $1: the project; $2: a folder. One after the other: all are made in one place. */
const MAKE =
	'cd "$1" && flock build/.deb-lock sh -c \'file=$(sh scripts/deb) && cp "$file" "$1" && echo "$1/$(basename "$file")"\' sh "$2"';

/** Makes the package and gives back its path, in a folder of its own. */
export async function makePackage(): Promise<string> {
	const command = ["sh", "-c", MAKE, "sh", PROJECT, scratchDirectory()];
	const { code, stdout, output } = await run(command, BUILD_LIMIT_MS, isLong ? {} : { env: QUICK });
	const file = stdout.trim();
	if (code !== 0 || !existsSync(file)) throw new Error(`npm run deb: ${output}`);
	return file;
}

/** A copy of the machine with Debian's vblade, whose export is not served yet; the files, packages to be installed, are there. */
export async function machineOfDebian(...files: readonly string[]): Promise<SystemCopy> {
	const machine = new SystemCopy(files);
	await prepare(machine);
	return machine;
}

/** Makes a copy of the machine such a one. */
export async function prepare(machine: SystemCopy): Promise<void> {
	const { code, output } = await machine.run(PREPARE);
	if (code !== 0) throw new Error(`the copy of the machine: ${output}`);
}

/** As while an image is built: nothing may be started. */
export const START_NOTHING =
	"cd /usr/sbin && printf '#!/bin/sh\\nexit 101\\n' >policy-rc.d && chmod 755 policy-rc.d";

export async function succeed(t: Test, shell: PrivateShell, lines: string, limitMs?: number): Promise<Said> {
	const said = await shell.run(lines, limitMs);
	t.equal(said.code, 0, said.code === 0 ? lines.trim() : `${lines}: ${said.output}`);
	return said;
}

/** Says who answers, from the other end of the cable, once somebody does. */
export async function seen(machine: SystemCopy): Promise<string> {
	const asked = "found=$(vblade discover lan1 2>/dev/null) && break";
	const { output } = await machine.run(
		`for n in $(seq 30); do ${asked}; done; echo "$found" | sed 's/ .*//'`,
	);
	return output.trim();
}
