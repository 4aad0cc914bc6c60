/**
 * Two processes of one machine on one interface never hear each other: a frame that leaves is not received where it left, and
 * what comes in comes to both. So they are told apart by a name that the kernel gives to one of them at a time (an abstract
 * unix socket), which is free again when that one has ended, however it did. Asked by `lib/daemon/`.
 */

import { closeSync } from "node:fs";
import { OperatorError } from "../errors.js";
import { Errno, isNativeError, native } from "../native.js";
import type { NetifSpec } from "../spec/spec.js";
import { interfaceInfo } from "./interfaces.js";

/**
 * Takes `what`, of a few letters, on an interface, by its name as `interfaceOf` has it, for this process.
 * @returns how to give it back, or undefined if another process has it
 */
export function takeOnInterface(
	netif: NetifSpec,
	interfaceName: string,
	what: string,
): (() => void) | undefined {
	// A unix socket's path is one process's anyway.
	if (netif.kind === "unix") return () => {};
	try {
		const descriptor = native.takeName(`vblade/${interfaceName}/${what}`);
		return () => closeSync(descriptor);
	} catch (error) {
		if (!isNativeError(error)) throw error;
		if (error.errno === Errno.EADDRINUSE) return undefined;
		throw new OperatorError(
			`${netif.name}: can't tell whether another process serves ${what} (${error.message})`,
		);
	}
}

/** The interface as the kernel calls it, for it may have other names beside that; or the socket or tunnel. */
export function interfaceOf(netif: NetifSpec): string {
	if (netif.kind === "unix" || netif.kind === "gre") return netif.name;
	const given = netif.kind === "pcap" ? netif.interfaceName : netif.name;
	return interfaceInfo(given)?.names[0] ?? given;
}
