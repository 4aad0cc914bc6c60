/**
 * Exports of NBD that are configured and not served: of disks that are fenced, or could not be opened. A client that may have one is told why it
 * can't, and to anybody else there is no such export; and while there are some, what is served is not all that there is. Told by `worker-disks.ts`, asked by `nbd-exporter.ts`.
 */

import type { Client, Refusal } from "../nbd/export.js";
import { OptionReply } from "../nbd/protocol.js";
import { Peers } from "../spec/peers.js";
import type { ExportSpec, NbdExportSpec } from "../spec/spec.js";
import { oneLine } from "../text.js";

/** A string of the protocol has at most 4096 bytes, and a letter at most four. */
const WHY_MAX = 1000;

interface Absence {
	readonly exports: readonly { readonly name: string; readonly peers: readonly Peers[] | undefined }[];
	readonly why: string;
}

export class NbdAbsent {
	/** By the disk's name. */
	readonly #absences = new Map<string, Absence>();

	/** Called whenever there is something to be told to clients, who have to be able to connect for that. */
	onTold: () => void = () => {};

	/** From now on, in place of what was told of the disk. */
	tell(disk: string, exports: readonly ExportSpec[], why: string): void {
		if (this.#set(disk, exports, oneLine(why).slice(0, WHY_MAX))) this.onTold();
	}

	/** It is being opened: nobody need be let in to be told that. One that is tried again is not there for the reason that was told. */
	expect(disk: string, exports: readonly ExportSpec[], opening: string): void {
		this.#set(disk, exports, this.#absences.get(disk)?.why ?? opening);
	}

	#set(disk: string, exports: readonly ExportSpec[], why: string): boolean {
		const told = exports.filter((each) => each.protocol === "nbd").map(asked);
		this.#absences.delete(disk);
		if (told.length === 0) return false;
		this.#absences.set(disk, { exports: told, why });
		return true;
	}

	/** There is another one than that. */
	hasBeside(name: string): boolean {
		return [...this.#absences.values()].some(({ exports }) => exports.some((each) => each.name !== name));
	}

	/** It is served, or is none any more. */
	forget(disk: string): void {
		this.#absences.delete(disk);
	}

	/** Why a client can't have what it asks for; undefined: there is none of this name, or it is not for this client. */
	find(name: string, { peer, identity }: Client): Refusal | undefined {
		for (const { exports, why } of this.#absences.values())
			for (const each of exports) {
				if (each.name !== name) continue;
				const isTheirs = each.peers?.some((peers) => peers.has(peer, identity)) ?? true;
				return isTheirs ? { reply: OptionReply.errUnknown, why } : undefined;
			}
		return undefined;
	}
}

/** By which name, and who may have it; undefined: everyone. */
function asked({ exportName, clients, readers = [] }: NbdExportSpec): Absence["exports"][number] {
	return { name: exportName, peers: clients && [new Peers(clients), new Peers(readers)] };
}
