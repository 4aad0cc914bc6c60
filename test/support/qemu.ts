/**
 * Virtual machines in QEMU, which emulates the processor (TCG), so that they need no permission and work inside another
 * virtual machine too. `runQemu` runs any; `runDebian` boots Debian's kernel, with a script of `test/kernel/guest/` as its
 * init. Used by `test/kernel/`.
 */

import { existsSync } from "node:fs";
import path from "node:path";
import { type DebianKernel, debianKernel, makeInitramfs } from "./debian-kernel.js";
import { asOrdinaryUser, ordinaryUsersDirectory } from "./ordinary-user.js";
import { Program } from "./process.js";

const QEMU = "/usr/bin/qemu-system-x86_64";

/** The first of these files that is not there, as a reason to skip a test. QEMU itself is always wanted. */
export function qemuMissing(...files: string[]): string | undefined {
	const missing = [QEMU, ...files].find((file) => !existsSync(file));
	return missing === undefined ? undefined : `needs ${missing}; scripts/setup brings it`;
}

/** A network port of a virtual machine: a unix socket that somebody listens on, or a tap interface. */
export type QemuPort =
	| { readonly kind: "unix"; readonly path: string }
	| { readonly kind: "tap"; readonly interfaceName: string }
	/** A network of QEMU's own, in which this machine, as far as it may connect to itself, is 10.0.2.2. */
	| { readonly kind: "user" };

/** The argument of `-netdev`. */
export function netdev(port: QemuPort): string {
	if (port.kind === "user") return "user,id=net0";
	if (port.kind === "tap") return `tap,id=net0,ifname=${port.interfaceName},script=no,downscript=no`;
	return `stream,id=net0,server=off,addr.type=unix,addr.path=${port.path}`;
}

export interface QemuRun {
	/** Arguments beside those that every machine here has. */
	readonly args: readonly string[];
	/** Run by root in this namespace; without one, by an ordinary user. */
	readonly namespace?: string;
	/** Run by root without one, too. */
	readonly isRoots?: boolean;
	readonly limitMs: number;
	/** Called with each line that appears on its console, and with what types there. */
	readonly onLine?: (line: string, type: (text: string) => void) => void;
}

/** Runs a machine until it is switched off. Gives back QEMU's exit status and the text of the first serial port. */
export async function runQemu(options: QemuRun): Promise<{ code: number | null; output: string }> {
	const { namespace, limitMs, onLine } = options;
	const command = [
		...[QEMU, "-accel", "tcg", "-nodefaults", "-no-user-config", "-display", "none"],
		...["-serial", "stdio", "-no-reboot", ...options.args],
	];
	const isRoots = namespace !== undefined || options.isRoots;
	const machine: Program = new Program(isRoots ? command : asOrdinaryUser(command), {
		namespace,
		onLine: (line) => onLine?.(line.replace(/\r$/, ""), (text) => machine.write(text)),
	});
	try {
		const { code } = await machine.finished(limitMs);
		return { code, output: machine.output.replaceAll("\r\n", "\n") };
	} finally {
		await machine.stop();
	}
}

/** Why Debian's kernel can't be run here with these programs of this machine, or undefined. */
export function debianMissing(...programs: string[]): string | undefined {
	const missing = qemuMissing("/usr/bin/busybox", ...programs);
	if (missing !== undefined) return missing;
	return debianKernel() === undefined
		? "Debian's kernel is not in build/; scripts/setup unpacks it"
		: undefined;
}

export interface DebianOptions {
	/** Its network port; a network of QEMU's own, if not given. For a tap interface, of this process's namespace, it is root who runs it. */
	readonly port?: QemuPort;
	readonly mtu: number;
	/** Its init, a file of test/kernel/guest/. */
	readonly script: string;
	/** Beside those for the network. */
	readonly modules?: readonly string[];
	readonly programs: readonly string[];
	/** Variables that the script finds in its environment. Values without quotes. */
	readonly variables?: Readonly<Record<string, string>>;
	readonly limitMs: number;
	readonly onLine?: (line: string, type: (text: string) => void) => void;
}

/**
 * Boots Debian's kernel and waits until it has powered itself off. Gives back its console's text.
 * Throws with that text unless the script ended with the line `RESULT PASS`, and QEMU with status 0.
 */
export async function runDebian(options: DebianOptions): Promise<string> {
	const kernel = debianKernel();
	if (kernel === undefined) throw new Error("no kernel");
	const { code, output } = await runQemu({
		...options,
		args: machine(kernel, options),
		isRoots: options.port?.kind === "tap",
	});
	if (code !== 0 || !/^RESULT PASS$/m.test(output))
		throw new Error(`the guest did not end with RESULT PASS and status 0 (${code}):\n${output}`);
	return output;
}

function machine(kernel: DebianKernel, options: DebianOptions): string[] {
	const { mtu, variables = {}, script, port = { kind: "user" } } = options;
	const initramfs = path.join(ordinaryUsersDirectory(), "initramfs");
	const modules = ["virtio_pci", "virtio_net", "aoe", ...(options.modules ?? [])];
	makeInitramfs(kernel, { modules, programs: options.programs, script }, initramfs);
	const words = Object.entries({ ...variables, mtu: String(mtu) }).map(
		([name, value]) => `${name}="${value}"`,
	);
	return [
		// An old processor: what is fast on a new one, copying with REP MOVSB first of all, is slow where it is emulated.
		...["-M", "pc", "-cpu", "qemu64", "-m", "512M", "-kernel", kernel.image, "-initrd", initramfs],
		...["-append", `console=ttyS0 quiet no_timer_check panic=-1 mitigations=off ${words.join(" ")}`],
		...["-netdev", netdev(port)],
		...["-device", `virtio-net-pci,netdev=net0,mac=02:aa:00:00:00:01,host_mtu=${mtu},romfile=`],
	];
}
