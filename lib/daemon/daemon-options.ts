/** What a daemon is given by whoever starts it: the classic command line (`start.ts`), or a worker. Types only. */

import type { LinkHelpers } from "../link/open.js";
import type { Log } from "../log.js";
import type { OpenPast } from "../pool/openings.js";
import type { AccessListener } from "./aoe-exporter.js";
import type { ReadKeys } from "./nbd-exporter.js";
import type { OpenDevice } from "./openers.js";
import type { OpenSocket } from "./sockets.js";

export interface DaemonOptions {
	readonly log: Log;
	readonly version: string;
	/** In place of the table of openers. */
	readonly open?: OpenDevice;
	readonly helpers?: LinkHelpers;
	/** Opens what volumes were; by default from files that this process opens. */
	readonly openPast?: OpenPast;
	/** Makes sockets of protocols on streams that are the process's. */
	readonly openSocket?: OpenSocket;
	/** Reads keys and certificates of the process's sockets; by default from files that it opens itself. */
	readonly readKeys?: ReadKeys;
	/** What threads of TLS run, where it can't be read later. */
	readonly tlsSource?: string;
	/** Other processes of ours serve on the same links. */
	readonly isShared?: boolean;
	/** Told of what initiators have set on an export, each time. */
	readonly onSet?: AccessListener;
}
