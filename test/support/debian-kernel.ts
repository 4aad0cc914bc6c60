/**
 * Debian's own kernel for a virtual machine: where scripts/setup has unpacked its package, and an initial file system (an
 * initramfs) made of it: busybox, the kernel modules and programs asked for with all they need, and the guest scripts of
 * `test/kernel/guest/`. Used by `qemu.ts`.
 */

import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import path from "node:path";
import { scratchDirectory } from "./cleanup.js";
import { LIMIT_MS } from "./limit.js";
import { PROJECT, sourceFile } from "./paths.js";

/** Unpacked by scripts/setup; the package is not installed. */
const UNPACKED = path.join(PROJECT, "build/guest-kernel");
const BUSYBOX = "/usr/bin/busybox";

export interface DebianKernel {
	/** The kernel itself, a bzImage. */
	readonly image: string;
	/** `6.1.0-13-cloud-amd64` */
	readonly release: string;
}

/** Undefined if scripts/setup has not brought it. */
export function debianKernel(): DebianKernel | undefined {
	const boot = path.join(UNPACKED, "boot");
	if (!existsSync(boot)) return undefined;
	const image = readdirSync(boot).find((name) => name.startsWith("vmlinuz-"));
	if (image === undefined) return undefined;
	return { image: path.join(boot, image), release: image.slice("vmlinuz-".length) };
}

export interface InitramfsOptions {
	/** Kernel modules for the guest's modprobe, as `aoe`; those they depend on come with them. */
	readonly modules: readonly string[];
	/** Programs of this machine that busybox has not, as paths; their libraries come with them. */
	readonly programs: readonly string[];
	/** Init, a file of test/kernel/guest/. */
	readonly script: string;
}

/** Writes an initramfs to `file`. It is not compressed: to unpack it would take an emulated processor longer. */
export function makeInitramfs(kernel: DebianKernel, options: InitramfsOptions, file: string): void {
	// A tree of links to what is to be packed, at the places where the guest will have it.
	const tree = scratchDirectory();
	const add = (from: string, to = from) => {
		const place = path.join(tree, to);
		if (existsSync(place)) return;
		mkdirSync(path.dirname(place), { recursive: true });
		symlinkSync(from, place);
	};
	for (const directory of ["dev", "proc", "sys", "run", "mnt", "tmp", "bin", "sbin"])
		mkdirSync(path.join(tree, directory));
	add(BUSYBOX, "/bin/busybox");
	for (const program of options.programs) {
		add(program);
		for (const library of librariesOf(program)) add(library);
	}
	const modules = `/lib/modules/${kernel.release}`;
	for (const name of [...withDependencies(kernel, options.modules), "modules.dep"])
		add(path.join(UNPACKED, modules, name), path.join(modules, name));
	const guest = sourceFile("test/kernel/guest");
	for (const script of readdirSync(guest)) add(path.join(guest, script), `/guest/${script}`);
	// busybox as the shell that reads init, before it has made links for its other names.
	add(BUSYBOX, "/bin/sh");
	add(path.join(guest, options.script), "/init");
	const pack = 'cd "$0" && find . | busybox cpio -o -L -H newc >"$1"';
	execFileSync("sh", ["-c", pack, tree, file], {
		timeout: LIMIT_MS,
		stdio: ["ignore", "ignore", "pipe"],
	});
}

/** The libraries that a program is linked with, and the loader. */
function librariesOf(program: string): string[] {
	const text = execFileSync("ldd", [program], { encoding: "utf8", timeout: LIMIT_MS });
	return [...text.matchAll(/(\/\S+) \(0x/g)].map(([, library]) => library!);
}

/** Module files with those they depend on, as modules.dep has them (below the directory it is in). */
function withDependencies(kernel: DebianKernel, names: readonly string[]): string[] {
	const list = readFileSync(path.join(UNPACKED, "lib/modules", kernel.release, "modules.dep"), "utf8");
	const lines = list.split("\n").map((line) => line.split(/:? +|:/).filter((word) => word !== ""));
	const found = new Set<string>();
	const add = (words: readonly string[] | undefined) => {
		for (const word of words ?? []) {
			if (found.has(word)) continue;
			found.add(word);
			add(lines.find(([file]) => file === word));
		}
	};
	for (const name of names) {
		const words = lines.find(([file]) => file !== undefined && path.basename(file).split(".")[0] === name);
		if (words === undefined) throw new Error(`Linux ${kernel.release} has no module ${name}`);
		add(words);
	}
	return [...found];
}
