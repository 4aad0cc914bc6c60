/**
 * The package's `vblade/client`: an initiator on any link, which finds blades and reads and writes them. Exported, not
 * imported here; no addon is loaded. Other files of this room are private to the package.
 *
 * @module vblade/client
 */

export { type Clock, systemClock } from "../clock.js";
export { BadAnswerError, DiskError, InitiatorError, NoAnswerError, RefusedError } from "./errors.js";
export type { DiskIdentity } from "./identify.js";
export { type DiscoverOptions, Initiator, type InitiatorOptions, type InitiatorStats } from "./initiator.js";
export type { AtaAnswer, FoundBlade, TaskFile } from "./query.js";
export { RemoteDisk } from "./remote-disk.js";
