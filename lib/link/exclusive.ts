/**
 * Two processes of one machine on one interface never hear each other: a frame that leaves is not received where it left, and
 * what comes in comes to both. So they are told apart by a name that the kernel gives to one of them at a time (an abstract
 * unix socket), which is free again when that one has ended, however it did. Asked by `lib/server.ts`.
 */

import { closeSync } from "node:fs";
import { OperatorError } from "../errors.js";
import { Errno, isNativeError, native } from "../native.js";
import type { NetifSpec } from "../server-options.js";
import { interfaceInfo } from "./interfaces.js";

/**
 * Takes `what`, of a few letters, on an interface for this process.
 * @returns how to give it back, or undefined if another process has it
 */
export function takeOnInterface(netif: NetifSpec, what: string): (() => void) | undefined {
	// A unix socket's path is one process's anyway.
	if (netif.kind === "unix") return () => {};
	const given = netif.kind === "pcap" ? netif.interfaceName : netif.name;
	// As the kernel calls it: an interface may have other names beside that.
	const interfaceName = interfaceInfo(given)?.names[0] ?? given;
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
