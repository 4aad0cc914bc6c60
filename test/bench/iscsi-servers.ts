/**
 * iSCSI servers under measurement, ours and tgt, started alike on the loopback of a network namespace, with one LUN. Used by
 * `iscsi-figures.ts`.
 */

import { urlAt } from "../iscsi/discovery.js";
import { startTgt, type TgtLun } from "../iscsi/tgt.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";

const STOP_LIMIT_MS = 15_000;

/** A server that runs. */
export interface IscsiContender {
	/** Of its LUN. */
	readonly url: string;
	readonly pids: readonly number[];
	stop(): Promise<void>;
}

export interface IscsiPlace {
	/** Of a network namespace. */
	readonly namespace: string;
	/** Of sockets: with a short name. */
	readonly folder: string;
}

let ports = 3260;

const nextAddress = (): string => `127.0.0.1:${ports++}`;

/** `vblade iscsi` of a file or a volume. */
export async function startOurs(
	file: string,
	options: readonly string[],
	{ namespace }: IscsiPlace,
): Promise<IscsiContender> {
	const address = nextAddress();
	const program = new Program([...vbladeCommand(), "iscsi", ...options, address, file], { namespace });
	const stop = async (): Promise<void> => void (await program.stop("SIGTERM", STOP_LIMIT_MS));
	try {
		return { url: await urlAt(address, program, namespace), pids: [program.pid], stop };
	} catch (error) {
		await stop();
		throw error;
	}
}

/** tgt, all as it comes but for what `lun` says. */
export async function startTheirs(lun: TgtLun, { namespace, folder }: IscsiPlace): Promise<IscsiContender> {
	const tgt = await startTgt(lun, { namespace, folder, portals: [nextAddress()] });
	return { url: tgt.urls[0] ?? "", pids: tgt.pids, stop: () => tgt.stop() };
}
