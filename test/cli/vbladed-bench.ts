/** `vbladed` installed in a folder of its own, with a vblade and a logger that say what they are given. */

import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { atEnd, scratchDirectory, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { type Ended, run } from "../support/process.js";

/** Everything that vbladed calls, for a PATH with nothing else on it (and what the fake vblade and this test call). */
export const TOOLS =
	"sh setsid timeout flock mktemp mkfifo rm cat grep tr head readlink sleep cut setpriv".split(" ");

/** Notes its arguments and where it is, then does what its first option or MODE says. */
export const FAKE_VBLADE = `#!/bin/sh
printf '%s\\0' "$@" >"$NOTES/arguments"
readlink /proc/$$/cwd /proc/$$/fd/0 >"$NOTES/files"
cut -d' ' -f6 /proc/$$/stat >"$NOTES/session"
case \${MODE:-serve} in
refuse) echo "vblade: shelf: no" >&2; exit 2 ;;
silent) exit 0 ;;
hang) echo "vblade: warn: thinking" >&2; exec sleep 60 ;;
warn) echo "vblade: warn: mind the gap" >&2 ;;
daemon)
	echo "start $$" >>"$NOTES/starts"
	trap 'exit 0' TERM
	echo "vblade: ready: 2 disks"
	while :; do sleep 0.05; done ;;
esac
trap 'echo "last words" >&2; exit 7' TERM
echo "pid $$: e9.0, 20480 sectors O_RDWR"
echo "vblade: info: after the start" >&2
while :; do sleep 0.05; done
`;

/** Adds its arguments and input to the log. */
export const FAKE_LOGGER = `#!/bin/sh
echo "\${0##*/} $*" >>"$NOTES/log"
exec cat >>"$NOTES/log"
`;

export function executable(file: string, text: string): void {
	mkdirSync(path.dirname(file), { recursive: true });
	writeFileSync(file, text);
	chmodSync(file, 0o755);
}

/** A place where vbladed is installed, with a vblade and a log of its own. */
export class Installation {
	readonly top = path.join(scratchDirectory(), "an 'odd' $(prefix)\nof two lines");
	readonly script = path.join(this.top, "vbladed");
	readonly notes = path.join(this.top, "notes");
	/** Where vbladed is called. */
	readonly work = path.join(this.top, "work dir");
	readonly pidFile = path.join(this.top, "run", "test.pid");
	readonly env: Record<string, string>;

	constructor() {
		for (const directory of [this.notes, this.work, path.dirname(this.pidFile)])
			mkdirSync(directory, { recursive: true });
		this.copyTo(this.script);
		executable(path.join(this.top, "vblade"), FAKE_VBLADE);
		executable(path.join(this.top, "bin", "logger"), FAKE_LOGGER);
		this.env = {
			PATH: `${path.join(this.top, "bin")}:${process.env.PATH ?? ""}`,
			NOTES: this.notes,
			VBLADED_PIDFILE: this.pidFile,
		};
		atEnd(() => this.kill("SIGKILL"));
	}

	/** The script, and what it needs beside it. */
	copyTo(script: string): void {
		for (const part of ["", "-supervisor"]) copyFileSync(sourceFile(`vbladed${part}`), `${script}${part}`);
		chmodSync(script, 0o755);
	}

	call(
		args: readonly string[],
		env: Record<string, string> = {},
		script = this.script,
	): Promise<Ended & { stderr: string; stdout: string }> {
		return run([script, ...args], LIMIT_MS, { cwd: this.work, env: { ...this.env, ...env } });
	}

	/** The process that the pid file names; 0 without one. */
	get pid(): number {
		return existsSync(this.pidFile) ? Number(readFileSync(this.pidFile, "utf8")) : 0;
	}

	kill(signal: NodeJS.Signals): void {
		if (this.pid > 0 && alive(this.pid)) process.kill(this.pid, signal);
	}

	/** Ends the daemon and waits until it has put everything away. */
	async stop(): Promise<void> {
		this.kill("SIGTERM");
		await until("the pid file is removed", () => !existsSync(this.pidFile), LIMIT_MS);
	}

	note(name: string): string {
		const file = path.join(this.notes, name);
		return existsSync(file) ? readFileSync(file, "utf8") : "";
	}

	get arguments(): string[] {
		return this.note("arguments").split("\0").slice(0, -1);
	}

	logged(text: string): Promise<void> {
		return until(`the log has ${JSON.stringify(text)}`, () => this.note("log").includes(text), LIMIT_MS);
	}
}

/** False for a process that has ended, even if nobody has asked how. */
export function alive(pid: number): boolean {
	const status = `/proc/${pid}/status`;
	return existsSync(status) && !/^State:\sZ/m.test(readFileSync(status, "utf8"));
}
