/**
 * A Linux kernel with its own AoE driver as a client: user-mode Linux, a kernel that runs as an ordinary program. Its
 * network ports are put on interfaces of a namespace, and it sees this machine's / as a read-only root; a script of
 * `test/kernel/guest/` is its init. Used by `test/kernel/` and the demo.
 */

import { cpSync, existsSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "./cleanup.js";
import { type Namespace, namespacesMissing } from "./netns.js";
import { PROJECT, sourceFile } from "./paths.js";
import { Program } from "./process.js";

const KERNEL = "/usr/bin/linux.uml";
const MODULES = "/usr/lib/uml/modules";
/** Compiled by scripts/setup from test/kernel/xstate-shim.c. */
const SHIM = path.join(PROJECT, "build/test/kernel/xstate-shim.so");
const PROGRAMS = ["/usr/bin/busybox", "/sbin/mkfs.ext4"];

/** Why there can be no kernel client here that runs also `programs` (absolute paths), or undefined. */
export function umlMissing(...programs: string[]): string | undefined {
	const namespaces = namespacesMissing();
	if (namespaces) return namespaces;
	const missing = [KERNEL, MODULES, SHIM, ...PROGRAMS, ...programs].find((file) => !existsSync(file));
	return missing === undefined ? undefined : `a kernel client needs ${missing}; scripts/setup brings it`;
}

export interface GuestOptions {
	/** This process's, if not given. */
	readonly namespace?: Pick<Namespace, "name">;
	/** Interfaces of the namespace that the guest's ports `vec0`, `vec1`, ... are put on. */
	readonly interfaceNames: readonly string[];
	readonly mtu: number;
	/** Its ports take what a kernel's TCP hands to the next one of its machine: segments larger than a frame, without a checksum. */
	readonly isForTcp?: boolean;
	/** Default: 256. */
	readonly memoryMegabytes?: number;
	/** Its init, a file of test/kernel/guest/. */
	readonly script: string;
	/** Variables that the script finds in its environment. Values without spaces. */
	readonly variables?: Readonly<Record<string, string>>;
	readonly limitMs: number;
	/** Called with each line that appears on its console. */
	readonly onLine?: (line: string) => void;
}

/** It has said how it ended; now and then this kernel hangs when it is to power itself off. */
const POWER_OFF_MS = 10_000;

/**
 * Boots a guest and waits until it has powered itself off. Gives back its console's text. Throws with that text unless
 * the script ended with the line `RESULT PASS`.
 */
export async function runGuest(options: GuestOptions): Promise<string> {
	const scratch = scratchDirectory();
	// A kernel's command line is split at spaces, and the project's path may have some.
	cpSync(sourceFile("test/kernel/guest"), scratch, { recursive: true });
	const ports = options.interfaceNames.map(
		(name, i) =>
			`vec${i}:transport=raw,ifname=${name},mac=02:aa:00:00:00:0${i + 1},mtu=${options.mtu}${options.isForTcp ? ",gro=1" : ""}`,
	);
	const variables = { ...options.variables, mtu: String(options.mtu) };
	const command = [
		...["env", `LD_PRELOAD=${SHIM}`, KERNEL, `mem=${options.memoryMegabytes ?? 256}M`, `uml_dir=${scratch}`],
		...["rootfstype=hostfs", "root=/dev/root", "rootflags=/", "ro", "quiet", "panic=1"],
		...["con=null", "con0=null,fd:1", ...ports, `init=${scratch}/${options.script}`],
		...Object.entries(variables).map(([name, value]) => `${name}=${value}`),
	];
	const guest = new Program(command, {
		namespace: options.namespace?.name,
		onLine: (line) => options.onLine?.(line.replace(/\r$/, "")),
	});
	try {
		await guest.waitFor(/^RESULT /m, options.limitMs);
		await guest.finished(POWER_OFF_MS).catch(() => undefined);
	} finally {
		await guest.stop("SIGKILL");
	}
	const output = guest.output.replaceAll("\r\n", "\n");
	if (!/^RESULT PASS$/m.test(output)) throw new Error(`the guest did not end with RESULT PASS:\n${output}`);
	return output;
}
