/**
 * What NBD adds to a disk: the name that clients ask for, what they are told of it, and who may have it. Made by
 * `lib/daemon/nbd-exporter.ts`; asked by `handshake.ts` and `command.ts`.
 */

import type { Disk } from "../disk.js";
import { type OptionReply, PAYLOAD_BYTES_MAX, TransmissionFlag } from "./protocol.js";

/** What a client may do. */
export type Access = "none" | "read" | "write";

/** Who asks. */
export interface Client {
	/** Where he is: an address and port, or what the system knows of a unix socket's other end. */
	readonly peer: string;
	/** Whom he has proved to be, by TLS: `cn:backup`, `psk:alice`; null: he has not. */
	readonly identity: string | null;
}

/** Where an export may be other than it was once; somebody's until it is released. */
export interface ChangesSince {
	/**
	 * Fills pairs of a length in bytes and whether that may be other (1 or 0), at least one, from `offsetBytes` on; may end before `lengthBytes`.
	 * Resolves to how many pairs those are; -1: that can't be read.
	 */
	extents(offsetBytes: number, lengthBytes: number, pairs: Float64Array): Promise<number>;
	release(): void;
}

/** What an export is compared with. */
export interface Earlier {
	/** Of which there may be thousands. */
	names(): readonly string[];
	/** Undefined: there is none of that name. */
	since(name: string): Promise<ChangesSince | undefined>;
}

/** What a client is told of the parts of an export, and by which number. */
export interface Context {
	readonly id: number;
	/** Null: "base:allocation", where there is data. */
	readonly changes: ChangesSince | null;
}

export interface NbdExport {
	/** At most `STRING_BYTES_MAX` bytes. */
	readonly name: string;
	/** For people; empty: none. */
	readonly description: string;
	readonly disk: Disk;
	/** Where it is of the past, and does not change. */
	readonly earlier?: Earlier;
	/** What he may do. */
	accessOf(client: Client): Access;
}

/** Why a name stands for nothing, for whoever has asked. */
export interface Refusal {
	readonly reply: OptionReply;
	readonly why: string;
}

/** One that was opened since somebody has asked for it, who has it until `release` is called. */
export interface Opened {
	readonly exported: NbdExport;
	readonly release: () => void;
}

const PREFERRED_BYTES_MIN = 4096;

export interface BlockSizes {
	readonly minimum: number;
	readonly preferred: number;
	readonly maximum: number;
}

export function blockSizesOf({ disk }: NbdExport): BlockSizes {
	const { logicalBlockBytes, bestTransferBytes } = disk.device.info;
	const preferred = Math.max(PREFERRED_BYTES_MIN, bestTransferBytes);
	return { minimum: logicalBlockBytes, preferred, maximum: PAYLOAD_BYTES_MAX };
}

/** Nothing is advertised that is not kept: several connections see the same, since a flush is the whole device's. */
export function transmissionFlags({ disk }: NbdExport, access: Access, isStructured: boolean): number {
	const { readOnly, canTrim, fastZeroes, nonRotational } = disk.device.info;
	const flag = TransmissionFlag;
	let flags = flag.hasFlags | flag.sendFlush | flag.sendFua | flag.canMultiConn | flag.sendCache;
	if (isStructured) flags |= flag.sendDf;
	if (!nonRotational) flags |= flag.rotational;
	if (readOnly || access !== "write") return flags | flag.readOnly;
	flags |= flag.sendWriteZeroes;
	if (fastZeroes) flags |= flag.sendFastZero;
	if (canTrim) flags |= flag.sendTrim;
	return flags;
}
