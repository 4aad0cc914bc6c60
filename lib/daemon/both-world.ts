/**
 * What pools that two hosts serve take of the worker they are in, and have done there: a handover, and an end of who is served by what is not so any more.
 * Made by `worker.ts`, used by `both-hosts.ts`.
 */

import type { Log } from "../log.js";
import type { PoolHome } from "../pool/openings.js";
import type { TellPool } from "../pool/told.js";
import type { Tls } from "./tls.js";
import type { WorkerDisks } from "./worker-disks.js";
import type { WorkerPools } from "./worker-pools.js";

export interface BothWorld {
	readonly home: PoolHome;
	readonly tls: Tls;
	readonly log: Log;
	/** To the host that calls itself so. */
	readonly handOver: (path: string, to: string) => Promise<void>;
	/** Whoever has it is to know that it is wanted here. */
	readonly want: (path: string) => Promise<void>;
	/** Something was given up that clients of this host may know: they are cut off, and its disks opened anew. */
	readonly gaveUp: (path: string, message: string) => void;
	/** The same of one volume, which is another disk than it was. */
	readonly replaced: (path: string, volume: string) => void;
}

export interface BothWorldOf extends Pick<BothWorld, "home" | "tls" | "log"> {
	readonly pools: Pick<WorkerPools, "act" | "want">;
	readonly disks: Pick<WorkerDisks, "lostPool">;
	readonly tell: TellPool;
}

export function bothWorld({ pools, disks, tell, ...of }: BothWorldOf): BothWorld {
	return {
		...of,
		handOver: async (path, to) => void (await pools.act(path, { act: "handOver", to })),
		want: (path) => pools.want(path),
		gaveUp: (path, message) => {
			disks.lostPool(path);
			tell(path, { kind: "pool-lost", level: "warn", message });
		},
		replaced: (path, volume) => {
			disks.lostPool(path, volume);
			tell(path, { kind: "pool-renewed", level: "warn", volume, message: "is another disk than it was" });
		},
	};
}
