/** The part of the metrics that is of pools, their volumes, and the machines of templates. Used by `metrics.ts`. */

import { HISTOGRAM_CLASSES } from "../histogram.js";
import { POOL_FULL_REASONS } from "../pool/told.js";
import { escaped, type Writer } from "./metrics-writer.js";
import type { MachineTemplate } from "./model.js";
import type { PoolMetrics } from "./pool-looks.js";

export interface PoolsSource {
	readonly pools: readonly PoolMetrics[];
	readonly templates: readonly MachineTemplate[];
}

export function* aboutPools(writer: Writer, { pools }: PoolsSource): Iterable<void> {
	if (pools.length === 0) return;
	writer.family("vblade_pool_up", "gauge", "1: the pool is open.");
	for (const { name, look } of pools)
		writer.line("vblade_pool_up", `pool="${escaped(name)}"`, look === undefined ? 0 : 1);
	writer.family("vblade_pool_waits", "gauge", "1: another host has the pool, and this one could have it.");
	for (const { name, waits } of pools)
		writer.line("vblade_pool_waits", `pool="${escaped(name)}"`, waits ? 1 : 0);
	writer.family(
		"vblade_pool_failed",
		"gauge",
		"1: its storage has failed, and it takes no changes any more.",
	);
	for (const { name, look } of pools)
		if (look) writer.line("vblade_pool_failed", `pool="${escaped(name)}"`, look.failed === null ? 0 : 1);
	writer.family(
		"vblade_pool_checkpoint_failures",
		"gauge",
		"Checkpoints that have failed since the last one that was stored; 0: it is well.",
	);
	for (const { name, look } of pools)
		if (look)
			writer.line("vblade_pool_checkpoint_failures", `pool="${escaped(name)}"`, look.checkpointFailures);
	writer.family(
		"vblade_pool_full",
		"gauge",
		"1: it is full, and has come to that: no changes, no writes, no checkpoint, or history is given up.",
	);
	for (const { name, look } of pools)
		for (const reason of look === undefined ? [] : POOL_FULL_REASONS) {
			const isSo = look?.fullFor.includes(reason) === true;
			writer.line("vblade_pool_full", `pool="${escaped(name)}",reason="${reason}"`, isSo ? 1 : 0);
		}
	for (const [metric, figure, help] of POOL_FIGURES) {
		writer.family(metric, "gauge", help);
		for (const { name, look } of pools)
			if (look) writer.line(metric, `pool="${escaped(name)}"`, look[figure]);
	}
	yield* aboutStores(writer, pools);
	yield* aboutReplicas(writer, pools);
	for (const [metric, figure, help] of VOLUME_FIGURES) {
		writer.family(metric, "gauge", help);
		for (const { name, look } of pools)
			for (const volume of look?.volumes ?? []) {
				const value = volume[figure];
				const labels = `pool="${escaped(name)}",volume="${escaped(volume.name)}"`;
				if (value !== null) writer.line(metric, labels, value);
				yield;
			}
	}
}

/** Of pools in object stores. */
function* aboutStores(writer: Writer, pools: PoolsSource["pools"]): Iterable<void> {
	const stored = pools.flatMap(({ name, look }) => (look?.stored ? [{ name, stored: look.stored }] : []));
	if (stored.length === 0) return;
	for (const [metric, figure, help] of STORE_FIGURES) {
		writer.family(metric, "gauge", help);
		for (const { name, stored: each } of stored) {
			const value = each[figure];
			if (value !== null) writer.line(metric, `pool="${escaped(name)}"`, value);
		}
	}
	const metric = "vblade_object_request_seconds";
	writer.family(metric, "histogram", "Requests to object stores, and to where superblocks are.");
	for (const { name, stored: each } of stored)
		for (const { op, code, sumUs, counts: some } of each.requests) {
			const counts = new Float64Array(HISTOGRAM_CLASSES);
			for (const [index, count] of some) if (index < counts.length) counts[index] = count;
			const labels = `pool="${escaped(name)}",op="${escaped(op)}",code="${escaped(code)}"`;
			writer.histogram(metric, labels, { counts, sumSeconds: sumUs / 1e6 });
			yield;
		}
}

/** Of pools that have replicas. */
function* aboutReplicas(writer: Writer, pools: PoolsSource["pools"]): Iterable<void> {
	const replicas = pools.flatMap(({ name, look }) =>
		(look?.replicas ?? []).map((replica) => ({ pool: name, replica })),
	);
	if (replicas.length === 0) return;
	for (const [metric, figure, kind, help] of REPLICA_FIGURES) {
		writer.family(metric, kind, help);
		for (const { pool, replica } of replicas)
			writer.line(
				kind === "counter" ? `${metric}_total` : metric,
				`pool="${escaped(pool)}",replica="${escaped(replica.name)}"`,
				replica[figure],
			);
		yield;
	}
	writer.family("vblade_pool_replica_state", "gauge", "1: the replica stands like this.");
	for (const { pool, replica } of replicas) {
		const labels = `pool="${escaped(pool)}",replica="${escaped(replica.name)}",state="${replica.state}"`;
		writer.line("vblade_pool_replica_state", labels, 1);
	}
}

const REPLICA_FIGURES = [
	["vblade_pool_replica_lag_bytes", "lagBytes", "gauge", "What the replica lacks."],
	[
		"vblade_pool_replica_lag_seconds",
		"lagSeconds",
		"gauge",
		"For how long the oldest of that has been there.",
	],
	["vblade_pool_replica_sent_bytes", "sentBytes", "counter", "What was sent to the replica."],
	[
		"vblade_pool_replica_given_up",
		"givenUp",
		"counter",
		"Cuts that were given up, as the pool wanted the space of what they had still to read.",
	],
] as const;

const STORE_FIGURES = [
	["vblade_pool_unshipped_bytes", "unshippedBytes", "What was written and is only on this host."],
	["vblade_pool_unshipped_seconds", "unshippedSeconds", "For how long the oldest of that has been."],
	["vblade_pool_objects", "objects", "Objects that the pool consists of."],
	["vblade_pool_stored_bytes", "storedBytes", "What these have in all."],
	[
		"vblade_lease_remaining_seconds",
		"leaseSeconds",
		"For how long writes may be acknowledged without an answer from where the superblock is.",
	],
] as const;

/** Of a pool: what the metric is called, and what it says. */
const POOL_FIGURES = [
	["vblade_pool_size_bytes", "sizeBytes", "What the pool has for everything."],
	["vblade_pool_used_bytes", "usedBytes", "What somebody may still read."],
	["vblade_pool_history_bytes", "historyBytes", "Of that, what only moments have."],
	[
		"vblade_pool_freeing_bytes",
		"freeingBytes",
		"Of what is used, what was trimmed or removed and is still to be gone through.",
	],
	["vblade_pool_waiting_bytes", "waitingBytes", "What nobody reads any more, or not yet, and is not free."],
	["vblade_pool_free_bytes", "freeBytes", "What is left."],
] as const;

/** Of a volume: what the metric is called, and what it says. */
const VOLUME_FIGURES = [
	["vblade_volume_size_bytes", "sizeBytes", "Size of the volume."],
	["vblade_volume_used_bytes", "usedBytes", "What the volume has mapped."],
	["vblade_volume_unique_bytes", "uniqueBytes", "Of that, what neither snapshots nor other volumes have."],
	["vblade_volume_history_bytes", "historyBytes", "What only moments of the volume have."],
	["vblade_volume_quota_bytes", "quotaBytes", "What the volume may have mapped; none: no quota."],
] as const;

export function* aboutMachines(writer: Writer, { templates }: PoolsSource): Iterable<void> {
	if (templates.length === 0) return;
	for (const [metric, figure, help] of MACHINE_FIGURES) {
		writer.family(metric, "gauge", help);
		for (const template of templates)
			writer.line(metric, `template="${escaped(template.name)}"`, template[figure]);
	}
	yield;
}

/** Of a template: what the metric is called, and what it says. */
const MACHINE_FIGURES = [
	["vblade_machines", "machines", "Machines that have come."],
	["vblade_machines_active", "active", "Machines that have asked for something within the last minute."],
	["vblade_machines_outdated", "outdated", "Machines whose disk is of another image than new ones get."],
] as const;
