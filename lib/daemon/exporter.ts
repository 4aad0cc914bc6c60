/**
 * What a protocol does for the daemon: disks come, are served, and go, while others go on. `daemon.ts` has a table of them,
 * by protocol.
 */

import type { Disk } from "../disk.js";
import type { ExportSpec, LinkSpec } from "../spec/spec.js";

/** Exports that come together: if one of them can't, `remove` all that were prepared. */
export interface Addition<Spec extends ExportSpec = ExportSpec> {
	/** Gets ready what an export needs beside its disk. Throws an OperatorError, with nothing kept, if that can't be had. */
	prepare(spec: Spec): Promise<void>;
	/** The disk of a prepared export, which is not served yet. Throws an OperatorError if its address is taken. */
	add(spec: Spec, disk: Disk): void;
	/** Makes sure that nobody else has their addresses, then serves them. Throws an OperatorError if somebody has. */
	serve(): Promise<void>;
}

export interface Exporter<Spec extends ExportSpec = ExportSpec> {
	/** Throws an OperatorError if these, with those that are there, can't all be: a mistake that nobody can mean. */
	plan(specs: readonly Spec[], links: readonly LinkSpec[]): Addition<Spec>;
	/** What can be changed while it is served; false if the export has to be removed, and added as it shall be. */
	change(spec: Spec): boolean;
	/** The disk has another size. */
	resized(disk: Disk): void;
	/** Another host has the pool that the disk is on, and what is set and held there may change without this one's knowing. */
	moved(disk: Disk): void;
	/** Takes no more requests; what is under way is still answered. */
	withdraw(name: string): void;
	/** The same, and what is under way is not answered either. */
	fence(name: string): void;
	/** Gives everything back, after `limitMs` even if answers are still under way. */
	remove(name: string, limitMs?: number): Promise<void>;
	/** Takes no more requests, for none of them. */
	stop(): void;
	/** What has been counted, a line each. */
	report(): string[];
}
