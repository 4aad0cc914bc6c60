/**
 * The start of the classic command line: one process that serves a whole spec, all or nothing, and gives up root if it shall once
 * everything is open. Called by `lib/cli/serve.ts`.
 */

import type { Log } from "../log.js";
import { becomeUser, checkUser } from "../privileges.js";
import type { ExportSpec, Spec } from "../spec/spec.js";
import { Daemon } from "./daemon.js";
import type { OpenDevice } from "./openers.js";
import { keepTunnels } from "./tunnels.js";

/** How long what is being opened has, once the end is wanted. */
const STOP_LIMIT_MS = 1000;

/**
 * Serves a spec until `close`. Throws an OperatorError, with everything given back, if a part of it can't be served, or `stopping` resolves
 * before all of it is.
 */
export async function startDaemon(
	spec: Spec,
	log: Log,
	version: string,
	open?: OpenDevice,
	stopping?: Promise<unknown>,
): Promise<Daemon> {
	const { user } = spec.process;
	if (user !== undefined) checkUser(user);
	const daemon = new Daemon({ log, version, ...(open && { open }) });
	let isStarting = true;
	void stopping?.then(() => {
		if (isStarting) void daemon.close(STOP_LIMIT_MS);
	});
	try {
		if (user !== undefined) await keepTunnels(spec.exports);
		// Before the first frame is looked at.
		await daemon.add(spec, () => {
			if (user !== undefined) becomeUser(user, spec.exports.some(needsPacketSockets));
		});
		return daemon;
	} catch (error) {
		await daemon.close();
		throw error;
	} finally {
		isStarting = false;
	}
}

/** An interface that changes wants a new packet socket; a unix socket never does, and a tunnel's are another process's. */
function needsPacketSockets(spec: ExportSpec): boolean {
	return spec.protocol === "aoe" && spec.netifs.some(({ kind }) => kind !== "unix" && kind !== "gre");
}
