/**
 * Links and streams of a process that may not make everything that they need: sockets with a name, and other processes, come from the opener. Used by
 * `worker.ts`, which hands it to whoever opens links.
 */

import type { Asking } from "../channel/asking.js";
import { startTunnelsByAsking } from "../gre/keeper.js";
import { GreLink } from "../link/gre.js";
import type { LinkHelpers } from "../link/open.js";
import type { ChapSecret } from "../opener/chap-secrets.js";
import type { OpenerRequest } from "../opener/messages.js";
import type { LookUp } from "../stream/connect.js";
import type { ReadMaterial } from "../tls/material.js";
import type { Absences } from "./absences.js";
import { askForDescriptor, askOpener } from "./ask-opener.js";
import type { DaemonOptions } from "./daemon-options.js";
import type { ReadChapSecret } from "./iscsi-secrets.js";
import type { ReadKeys } from "./nbd-exporter.js";
import type { ReadRemoteKeys } from "./remote-keys.js";
import type { OpenSocket } from "./sockets.js";
import type { KeepUnitOf } from "./unit-keeping.js";

const ASK_LIMIT_MS = 10_000;

/** Has the opener help from now on. */
export function helpersOf(opener: Asking): LinkHelpers {
	startTunnelsByAsking((request) => opener.ask({ body: request }, ASK_LIMIT_MS));
	return {
		openTunnel: (name, peer, options) => GreLink.open(name, peer, options),
		noPcap:
			"libpcap is not to be had in the daemon, only on the classic command line; name the interface itself",
		listenUnix: async (path) =>
			(await askForDescriptor(opener, { kind: "listen", path }, ASK_LIMIT_MS)).descriptor,
	};
}

/** Keys of root's, which the opener reads: by what the files say now, whatever is asked for. */
function readKeysBy(opener: Asking): ReadKeys {
	return () => askForKeys(opener, { kind: "nbdKeys" });
}

/** Secrets of CHAP, likewise. */
function readSecretBy(opener: Asking): ReadChapSecret {
	return async (file) =>
		(await askOpener(opener, { kind: "chapSecret", file }, ASK_LIMIT_MS)).body as unknown as ChapSecret;
}

/** The same for remote disks. */
export function readRemoteKeysBy(opener: Asking): ReadRemoteKeys {
	return (hasUser) => askForKeys(opener, { kind: "remoteKeys", hasUser });
}

/** Where hosts are: what a look-up takes this process can't open. */
export function lookUpBy(opener: Asking): LookUp {
	return async (host) =>
		(await askOpener(opener, { kind: "addresses", host }, ASK_LIMIT_MS)).body.addresses as readonly string[];
}

async function askForKeys(opener: Asking, request: OpenerRequest): Promise<ReadMaterial> {
	return (await askOpener(opener, request, ASK_LIMIT_MS)).body as unknown as ReadMaterial;
}

/** Sockets for streams, which the opener keeps: whoever connects while this process is started again waits. */
function openSocketBy(opener: Asking): OpenSocket {
	return async ({ name }) =>
		(await askForDescriptor(opener, { kind: "socket", address: name }, ASK_LIMIT_MS)).descriptor;
}

/** All that protocols on byte streams need of others. */
export function streamWays(
	opener: Asking,
	absent: Absences,
	keep: KeepUnitOf,
): Pick<DaemonOptions, "nbdWays" | "iscsiWays"> {
	const openSocket = openSocketBy(opener);
	return {
		nbdWays: { absent: absent.nbd, openSocket, readKeys: readKeysBy(opener) },
		iscsiWays: { absent: absent.iscsi, openSocket, readSecret: readSecretBy(opener), keep },
	};
}
