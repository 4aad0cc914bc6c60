/**
 * What this user may do, and this kernel: capabilities, io_uring, the settings of its network, and versions that are known to lack
 * something.
 */

import { release } from "node:os";
import { getSystemErrorName } from "node:util";
import { COMPLETION_FIELDS, native, OperationField } from "../native.js";
import { isCapable } from "../privileges.js";
import { type Check, type Finding, fault, note, ok, warn } from "./check.js";
import type { Machine } from "./machine.js";

/** Bits of linux/capability.h. */
const CAPABILITIES = {
	CAP_NET_ADMIN: 12,
	CAP_NET_RAW: 13,
	CAP_IPC_LOCK: 14,
	CAP_SYS_ADMIN: 21,
	CAP_SETUID: 7,
} as const;

/** Undefined if it can't be told. */
export function hasCapability(machine: Machine, name: keyof typeof CAPABILITIES): boolean | undefined {
	return isCapable(machine.read("/proc/self/status") ?? "", CAPABILITIES[name]);
}

export const privileges: Check = {
	name: "privileges",
	limitMs: 10_000,
	run({ machine }) {
		const found: Finding[] = [];
		if (hasCapability(machine, "CAP_NET_RAW") === false)
			found.push(
				fault(
					"this user may not send Ethernet frames (CAP_NET_RAW)",
					"the network could not be asked, and a server started by this user serves unix:PATH alone",
					"run it as root",
				),
			);
		if (hasCapability(machine, "CAP_SETUID") === false)
			found.push(
				note(
					"this user can't become another one",
					"a daemon that it starts gives up no privileges, and --user is refused",
				),
			);
		if (hasCapability(machine, "CAP_NET_ADMIN") === false)
			found.push(
				note(
					"without CAP_NET_ADMIN the send buffer is no larger than net.core.wmem_max",
					`which is ${machine.number("/proc/sys/net/core/wmem_max") ?? "unknown"} bytes`,
				),
			);
		return found.length > 0 ? found : [ok("this user may do all that serving needs")];
	},
};

const BACKLOG_LEAST = 1000;

export const kernel: Check = {
	name: "kernel",
	limitMs: 10_000,
	run({ machine }) {
		const found: Finding[] = [ofUring()];
		const [major = 0, minor = 0] = release().split(".").map(Number);
		const isBefore = (wanted: number, wantedMinor: number): boolean =>
			major < wanted || (major === wanted && minor < wantedMinor);
		if (isBefore(5, 10))
			found.push(
				note(
					`Linux ${release()} has no restrictions for io_uring`,
					"with --user it is not used; they came with 5.10",
				),
			);
		if (isBefore(6, 6))
			found.push(
				note(
					`Linux ${release()} sends frames of up to 4096 bytes by an XDP socket, longer ones through the queue`,
					"longer ones came with 6.6",
				),
			);
		const backlog = machine.number("/proc/sys/net/core/netdev_max_backlog");
		if (backlog !== undefined && backlog < BACKLOG_LEAST)
			found.push(
				warn(
					`net.core.netdev_max_backlog is ${backlog}`,
					"bursts are dropped before anybody sees them",
					`sysctl net.core.netdev_max_backlog=${BACKLOG_LEAST}`,
				),
			);
		return found;
	},
};

/** Tries it. */
function ofUring(): Finding {
	const handle = native.engineOpen(
		new Float64Array(OperationField.count),
		new Float64Array(COMPLETION_FIELDS),
		() => {},
		true,
	);
	const errno = native.engineUring(handle);
	native.engineClose(handle);
	if (errno === 0) return ok("io_uring can be used");
	const why = errno > 0 ? getSystemErrorName(-errno) : "this build has none";
	return note(
		`io_uring can't be used here (${why})`,
		"reads from disks go through threads, which is slower",
		"sysctl kernel.io_uring_disabled=0, or a container profile that allows it",
	);
}
