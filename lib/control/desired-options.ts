/** What `desired.ts` needs of others, and what it has to say of a wish. Types only. */

import type { Clock } from "../clock.js";
import type { Config, Environment } from "../spec/config.js";
import type { DiskConfig } from "../spec/configuration.js";
import type { Difference } from "../spec/difference.js";
import type { DamageTeller } from "./damage.js";
import type { EventLog } from "./event-log.js";
import type { Jobs } from "./jobs.js";
import type { Kept } from "./kept.js";
import type { Opener, Workers } from "./seams.js";
import type { Wish } from "./wish.js";

export interface DesiredOptions {
	readonly opener: Opener & DamageTeller;
	readonly workers: Workers;
	readonly kept: Kept;
	readonly events: EventLog;
	readonly jobs: Jobs;
	readonly clock: Clock;
	/** With what has been read before. */
	readonly environment: Environment;
	/** Milliseconds since 1970. */
	readonly now: () => number;
	/** When files were read again, and are good: what else they say. Resolves to what went wrong. */
	readonly onReload: (config: Config) => Promise<readonly string[]>;
	/** Disks are as they shall be, or are tried again. Resolves when all else is. */
	readonly onCarriedOut: () => Promise<void>;
	/** It is served, and was not. */
	readonly onServed: (disk: DiskConfig) => void;
	/** It is gone for good. */
	readonly onForgotten: (disk: string) => void;
}

/** A wish that has been understood, and what it would take. */
export interface Prospect {
	readonly wish: Wish;
	readonly config: Config;
	readonly difference: Difference;
}
