/**
 * How a disk is opened that another server stores: by NBD, in the clear or behind TLS, or by AoE. What resends and waits is the same,
 * whatever the way to it. One row of the table in `openers.ts`.
 */

import { LEAST_MTU } from "../aoe/config.js";
import type { BlockDevice } from "../block/device.js";
import type { GroupCommit } from "../block/group-commit.js";
import { layersOn } from "../block/stack.js";
import { openFarDisk } from "../client/far-disk.js";
import { systemClock } from "../clock.js";
import { invariant, OperatorError } from "../errors.js";
import { openLink } from "../link/open.js";
import type { Log } from "../log.js";
import { nativeMemory } from "../native.js";
import { NbdDevice } from "../nbd/remote/device.js";
import type { SessionState } from "../nbd/remote/options.js";
import { startTls } from "../nbd/remote/start-tls.js";
import type { Pump } from "../pump.js";
import type { DiskSpec, RemoteSpec, RemoteTlsSpec } from "../spec/spec.js";
import { connectTo, type LookUp, lookUpHere, remembering } from "../stream/connect.js";
import type { ByteStream } from "../stream/stream.js";
import { type ReadRemoteKeys, RemoteKeys } from "./remote-keys.js";
import type { Tls } from "./tls.js";

/** What of the process such a disk needs, and who is told. */
export interface RemoteContext {
	readonly pump: Pump;
	readonly commits: GroupCommit;
	/** Told of links that disks are reached by. */
	readonly log?: Log;
	/** There is something to tell of it. */
	readonly warn?: (message: string) => void;
	readonly onRemote?: (state: () => SessionState) => void;
	/** Nobody wants it any more. */
	readonly signal: AbortSignal;
	/** TLS of the process, for servers that are spoken to behind it. */
	readonly tls?: Tls;
	/** Default: this process reads the files itself. */
	readonly readRemoteKeys?: ReadRemoteKeys;
	/** Default: this process looks hosts up itself. */
	readonly lookUp?: LookUp;
}

/** Throws an OperatorError that names the disk's address and says what is wrong. */
export async function openRemote(spec: DiskSpec, context: RemoteContext): Promise<BlockDevice> {
	const { storage, readOnly } = spec;
	const { commits, signal, onRemote } = context;
	invariant(storage.kind === "remote", "not remote");
	try {
		const device = await openThere(storage, readOnly, context);
		if (signal.aborted) await device.close();
		signal.throwIfAborted();
		onRemote?.(() => device.state);
		return layersOn(device, storage.name, spec, commits);
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		throw new OperatorError(`${storage.name}: ${error.message}`);
	}
}

async function openThere(
	{ server, tls, exportName, resend, intervalMs }: RemoteSpec,
	readOnly: boolean,
	context: RemoteContext,
): Promise<NbdDevice> {
	const { pump, log, signal } = context;
	const given = { pump, clock: systemClock, allocate: nativeMemory };
	const options = { ...given, resend, intervalMs, readOnly, signal };
	if (server.kind !== "aoe") {
		const lookUp = remembering(context.lookUp ?? lookUpHere);
		const connect = (): Promise<ByteStream> => connectTo(server, intervalMs, lookUp);
		const connectThere = tls === undefined ? connect : secured(connect, tls, intervalMs, context);
		return NbdDevice.open({ ...options, name: exportName, connect: connectThere });
	}
	const { netif, shelf, slot } = server;
	const link = await openLink(netif, pump, {
		leastMtu: LEAST_MTU,
		log: (message, level = "warn") => log?.[level](message),
	});
	return openFarDisk({ ...options, link, shelf, slot });
}

/** Connects behind TLS, or not at all. */
function secured(
	connect: () => Promise<ByteStream>,
	spec: RemoteTlsSpec,
	limitMs: number,
	{ tls, readRemoteKeys, warn = () => {} }: RemoteContext,
): () => Promise<ByteStream> {
	invariant(tls !== undefined, "no threads for TLS");
	const keys = new RemoteKeys(spec, { tls, warn, ...(readRemoteKeys && { read: readRemoteKeys }) });
	return async () => {
		const secure = await keys.secure();
		const stream = await connect();
		return startTls(stream, nativeMemory, secure, AbortSignal.timeout(limitMs));
	};
}
