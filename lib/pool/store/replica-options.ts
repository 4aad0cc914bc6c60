/** What a replica of a pool is made of, by whoever opens the pool (`lib/daemon/replicas.ts`). */

import type { Clock } from "../../clock.js";
import type { Memory } from "../../wire/memory.js";
import type { PoolFolder } from "../folder.js";
import type { ReplicaPlace } from "./replica-way.js";

export interface ReplicaOptions {
	/** For people: where it is. */
	readonly name: string;
	/** Where its table lies. */
	readonly local: PoolFolder;
	/** Asked again until it is there. Throws an OperatorError or an ObjectError. */
	readonly connect: () => Promise<ReplicaPlace>;
	readonly bytesPerSecond?: number | undefined;
	/** How long what is written waits for a cut at most. Default: ten seconds. */
	readonly cutAfterMs?: number;
	readonly clock: Clock;
	readonly allocate: (byteLength: number) => Memory;
	readonly nextTurn: () => Promise<void>;
	/** So many bytes by chance, in hexadecimal. */
	readonly identifier: (byteLength: number) => string;
	/** What does not get on, in words; null: it does again. */
	readonly tell?: (trouble: string | null) => void;
}
