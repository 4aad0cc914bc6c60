/** What a daemon is given by whoever starts it: the classic command line (`start.ts`), or a worker. Types only. */

import type { LinkHelpers } from "../link/open.js";
import type { Log } from "../log.js";
import type { OpenPast } from "../pool/openings.js";
import type { AccessListener } from "./blade-access.js";
import type { IscsiExporterOptions } from "./iscsi-exporter.js";
import type { NbdExporterOptions } from "./nbd-exporter.js";
import type { OpenDevice } from "./openers.js";

export interface DaemonOptions {
	readonly log: Log;
	readonly version: string;
	/** In place of the table of openers. */
	readonly open?: OpenDevice;
	readonly helpers?: LinkHelpers;
	/** Opens what volumes were; by default from files that this process opens. */
	readonly openPast?: OpenPast;
	/** How NBD's sockets are made and their keys read, by default by this process itself; and what is not served, by default nothing. */
	readonly nbdWays?: Pick<NbdExporterOptions, "absent" | "openSocket" | "readKeys">;
	/** The same of iSCSI. */
	readonly iscsiWays?: Pick<IscsiExporterOptions, "absent" | "openSocket" | "readSecret" | "keep">;
	/** Other processes of ours serve on the same links. */
	readonly isShared?: boolean;
	/** Told of what initiators have set on an export, each time. */
	readonly onSet?: AccessListener;
}

/** What is exported, for the start-up line. */
export interface Exported {
	/** `e9.0` */
	readonly name: string;
	readonly sectors: number;
	readonly readOnly: boolean;
}
