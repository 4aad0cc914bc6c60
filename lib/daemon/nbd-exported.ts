/**
 * A disk as it is served over NBD, and who may have it; and its clients, for messages and for status. Made by `nbd-exporter.ts`.
 */

import type { Disk } from "../disk.js";
import type { NbdConnection } from "../nbd/connection.js";
import type { Access, Client, NbdExport } from "../nbd/export.js";
import { Peers } from "../spec/peers.js";
import type { NbdExportSpec, PeerRange } from "../spec/spec.js";
import { oneLine } from "../text.js";
import { Past, type PastOwner } from "./nbd-pasts.js";
import type { NbdClientState } from "./nbd-state.js";

/** A disk, as it is served at present. */
export class Exported implements NbdExport, PastOwner {
	readonly name: string;
	/** The disk's name, as the operator has given it. */
	readonly of: string;
	description = "";
	/** How often somebody asked for it who may not have it. */
	refused = 0;
	#clients: Peers | undefined;
	#readers: Peers | undefined;

	constructor(
		spec: NbdExportSpec,
		readonly disk: Disk,
	) {
		this.name = spec.exportName;
		this.of = spec.disk;
		this.change(spec);
	}

	change({ description, clients, readers }: NbdExportSpec): void {
		this.description = description;
		this.#clients = peersOf(clients);
		this.#readers = peersOf(readers);
	}

	accessOf({ peer, identity }: Client): Access {
		if (this.#readers?.has(peer, identity)) return "read";
		return this.#clients === undefined || this.#clients.has(peer, identity) ? "write" : "none";
	}
}

function peersOf(ranges: readonly PeerRange[] | undefined): Peers | undefined {
	return ranges && new Peers(ranges);
}

/** For messages. */
export function whoIs({ peer, identity }: Client): string {
	return identity === null ? peer : `${peer} (${oneLine(identity)})`;
}

export function clientState({ stream, exported, access, use, underWay }: NbdConnection): NbdClientState {
	const { reads, readBytes, writes, writtenBytes, errors } = use.counts;
	const counts = { reads, readBytes, writes, writtenBytes, errors };
	return {
		peer: stream.peer,
		identity: stream.identity,
		encryption: stream.encryption,
		past: exported instanceof Past ? exported.name : null,
		readOnly: access !== "write",
		since: use.since.toISOString(),
		underWay,
		...counts,
	};
}
