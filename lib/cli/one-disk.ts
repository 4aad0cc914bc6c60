/**
 * What commands that serve one disk over a protocol on byte streams have in common: the disk that their options ask for, and sockets that the
 * service manager has opened. Used by `nbd.ts` and `iscsi.ts`.
 */

import { closeSync } from "node:fs";
import { native } from "../native.js";
import { type ActivatedSocket, activatedSockets } from "../notify.js";
import type { CommandLine } from "../spec/getopt.js";
import { NUMBERS } from "../spec/ranges.js";
import type { DiskSpec, OwnSocketSpec, SocketSpec, StorageSpec } from "../spec/spec.js";
import { readDurability, readNumber } from "../spec/values.js";
import { checkScratch } from "./arguments.js";
import type { DiskOptionName } from "./stream-options.js";

type Line = Pick<CommandLine<DiskOptionName>, "has" | "last">;

/** Throws an OperatorError for what can't be meant. */
export function diskOf(line: Line, name: string, storage: StorageSpec): DiskSpec {
	const length = line.last("length");
	return {
		...{ name, called: storage.name, storage },
		offsetSectors: readNumber("offset", line.last("offset") ?? "", NUMBERS.offset),
		lengthSectors: length === undefined ? undefined : readNumber("length", length, NUMBERS.length),
		direct: line.has("direct"),
		durability: readDurability(line.last("durability") ?? "", line.has("sync")),
		...writingOf(line, storage),
	};
}

function writingOf(line: Line, storage: StorageSpec) {
	const readOnly = line.has("read-only");
	if (!line.has("scratch")) return { readOnly };
	checkScratch([storage], readOnly);
	return { readOnly, scratch: true };
}

/** What the service manager has opened there is used; whatever else it has opened nobody wants. */
export function withActivated(sockets: readonly SocketSpec[]): OwnSocketSpec[] {
	const activated = activatedSockets().map((each) => ({ ...each, name: nameOf(each) }));
	const isWanted = ({ name }: { name: string }): boolean => sockets.some((socket) => socket.name === name);
	for (const each of activated) if (!isWanted(each)) closeSync(each.descriptor);
	return sockets.map((socket) => {
		const found = activated.find(({ name }) => name === socket.name);
		return found === undefined ? socket : { ...socket, descriptor: found.descriptor };
	});
}

function nameOf({ descriptor }: ActivatedSocket): string {
	return native.socketName(descriptor, false);
}
