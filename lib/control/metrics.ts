/**
 * The metrics, as OpenMetrics 1.0 text: written family by family into pieces, with a turn of the loop between two pieces, so that others
 * are served meanwhile and nothing larger than a piece is ever held. Written here and not by a library: what is to be told of thousands
 * of disks lies in arrays already, and this process can't read /proc, which libraries tell of processes from. Asked by the API.
 */

import { REJECT_REASONS } from "../aoe/stats.js";
import { ERROR_CAUSES } from "../disk.js";
import { HISTOGRAM_CLASSES } from "../histogram.js";
import { aboutIscsi, type IscsiMetrics, type IscsiSource } from "./metrics-iscsi.js";
import { aboutMirrors, type MirrorsSource } from "./metrics-mirrors.js";
import { aboutNbd, type NbdMetrics, type NbdSource } from "./metrics-nbd.js";
import { aboutMachines, aboutPools, type PoolsSource } from "./metrics-pools.js";
import { escaped, Writer } from "./metrics-writer.js";
import { DISK_STATES, type DiskState, OPERATIONS, type Process, type RemoteState } from "./model.js";
import type { ObservedLink } from "./observed.js";
import { NO_COUNTERS } from "./rates.js";
import type { DiskFigures, InitiatorFigures, Measured, MeasuredByOperation, PartPlace } from "./seams.js";

export const METRICS_TYPE = "application/openmetrics-text; version=1.0.0; charset=utf-8";

export interface DiskMetrics extends NbdMetrics, IscsiMetrics {
	readonly name: string;
	readonly state: DiskState;
	readonly sizeBytes: number | null;
	/** Links on which it is silent, for another host serves its address there. */
	readonly silenced: readonly string[];
	/** Null: it is stored here. */
	readonly remote: Pick<RemoteState, "state" | "losses" | "resends" | "waiting"> | null;
	/** What it is made of. */
	readonly parts?: readonly PartPlace[] | null;
	readonly figures: DiskFigures | undefined;
}

export interface MetricsSource extends PoolsSource, NbdSource, IscsiSource, Pick<MirrorsSource, "nowMs"> {
	readonly version: string;
	readonly disks: readonly DiskMetrics[];
	readonly links: readonly ObservedLink[];
	readonly initiators: number;
	/** Those that are told one by one: none, unless it is asked for. */
	readonly named: readonly InitiatorFigures[];
	readonly processes: readonly Process[];
	/** Whether each worker answers. */
	readonly answers: readonly boolean[];
	readonly latency: MeasuredByOperation;
	/** A histogram of each disk, too. */
	readonly histograms: boolean;
	/** What has to survive a restart is on stable storage. */
	readonly isStateKept: boolean;
	readonly lastReload: { readonly ok: boolean; readonly atMs: number; readonly okAtMs: number } | undefined;
}

/** The text in pieces. Whoever takes them one by one gives the loop its turns. */
export function* metricsText(source: MetricsSource): Generator<string, void, undefined> {
	const writer = new Writer();
	for (const part of PARTS) for (const _ of part(writer, source)) if (writer.isFull) yield writer.take();
	yield `${writer.take()}# EOF\n`;
}

type Part = (writer: Writer, source: MetricsSource) => Iterable<void>;

const aboutProcess: Part = function* (writer, source) {
	const { version, processes, answers, initiators, isStateKept, lastReload } = source;
	writer.family("vblade_build", "info", "Version of vblade.");
	writer.line("vblade_build_info", `version="${escaped(version)}"`, 1);
	writer.family(
		"vblade_initiators",
		"gauge",
		"Initiators of AoE that were heard in the last minute, clients of NBD that are connected, and sessions of iSCSI.",
	);
	writer.line("vblade_initiators", "", initiators);
	const name = (process: Process) => `process="${process.kind}",index="${process.index}"`;
	writer.family("vblade_process_cpu_seconds", "counter", "Processor time of each process.");
	for (const each of processes)
		if (each.cpuSeconds !== null)
			writer.line("vblade_process_cpu_seconds_total", name(each), each.cpuSeconds);
	writer.family("vblade_process_resident_memory_bytes", "gauge", "Memory of each process.");
	for (const each of processes)
		if (each.residentBytes !== null)
			writer.line("vblade_process_resident_memory_bytes", name(each), each.residentBytes);
	writer.family("vblade_process_restarts", "counter", "How often each process was started again.");
	for (const each of processes) writer.line("vblade_process_restarts_total", name(each), each.restarts);
	writer.family("vblade_worker_answers", "gauge", "1: the worker answers, as far as is known.");
	for (const [worker, isThere] of answers.entries())
		writer.line("vblade_worker_answers", `worker="${worker}"`, isThere ? 1 : 0);
	writer.family("vblade_state_kept", "gauge", "1: what has to survive a restart is on stable storage.");
	writer.line("vblade_state_kept", "", isStateKept ? 1 : 0);
	yield;
	if (lastReload === undefined) return;
	writer.family(
		"vblade_config_last_reload_successful",
		"gauge",
		"1: the configuration was good when it was last read.",
	);
	writer.line("vblade_config_last_reload_successful", "", lastReload.ok ? 1 : 0);
	writer.family("vblade_config_last_reload_seconds", "gauge", "When the configuration was last read.");
	writer.line("vblade_config_last_reload_seconds", "", lastReload.atMs / 1000);
	writer.family("vblade_config_last_reload_successful_seconds", "gauge", "When what was read was last good.");
	writer.line("vblade_config_last_reload_successful_seconds", "", lastReload.okAtMs / 1000);
};

/** Counters of a disk: what the metric is called, and what it counts. */
const COUNTED = [
	["vblade_disk_reads", "reads", "Reads."],
	["vblade_disk_read_bytes", "readBytes", "Bytes read."],
	["vblade_disk_writes", "writes", "Writes."],
	["vblade_disk_written_bytes", "writtenBytes", "Bytes written."],
	["vblade_disk_flushes", "flushes", "Flushes."],
	["vblade_disk_trims", "trims", "Trims."],
	["vblade_disk_resends", "resends", "Requests that an initiator sent again."],
] as const;

/** What has never counted is told as 0: what a rate is made of must be there before it grows. */
const CAUSES = Object.keys(ERROR_CAUSES);
const REASONS = [...Object.keys(REJECT_REASONS), "ring", "queue"];
const NOTHING: Measured = { counts: new Float64Array(HISTOGRAM_CLASSES), sumSeconds: 0 };

const aboutDisks: Part = function* (writer, { disks }) {
	const labels = new Map(disks.map((disk) => [disk, `disk="${escaped(disk.name)}"`]));
	for (const [name, counter, help] of COUNTED) {
		writer.family(name, "counter", help);
		for (const disk of disks) {
			const { figures } = disk;
			writer.line(`${name}_total`, labels.get(disk)!, (figures?.counters ?? NO_COUNTERS)[counter]);
			yield;
		}
	}
	writer.family("vblade_disk_errors", "counter", "Requests that ended with an error, by cause.");
	for (const disk of disks) {
		const causes = disk.figures?.causes;
		for (const cause of CAUSES)
			writer.line("vblade_disk_errors_total", `${labels.get(disk)},cause="${cause}"`, causes?.[cause] ?? 0);
		yield;
	}
	writer.family("vblade_disk_delayed", "counter", "Requests that waited because of the limit of the disk.");
	for (const disk of disks) {
		writer.line("vblade_disk_delayed_total", labels.get(disk)!, disk.figures?.delayed ?? 0);
		yield;
	}
	writer.family("vblade_disk_delayed_seconds", "counter", "How long those waited, all together.");
	for (const disk of disks) {
		writer.line("vblade_disk_delayed_seconds_total", labels.get(disk)!, disk.figures?.delayedSeconds ?? 0);
		yield;
	}
	writer.family("vblade_disk_io_inflight", "gauge", "Requests that are not answered yet.");
	for (const disk of disks) {
		if (disk.figures) writer.line("vblade_disk_io_inflight", labels.get(disk)!, disk.figures.underWay);
		yield;
	}
	writer.family(
		"vblade_disk_silenced",
		"gauge",
		"1: another host serves the address on that link, and we do not.",
	);
	for (const disk of disks) {
		for (const link of disk.silenced)
			writer.line("vblade_disk_silenced", `${labels.get(disk)},link="${escaped(link)}"`, 1);
		yield;
	}
	writer.family("vblade_disk_size_bytes", "gauge", "Size of the disk.");
	for (const disk of disks) {
		if (disk.sizeBytes !== null) writer.line("vblade_disk_size_bytes", labels.get(disk)!, disk.sizeBytes);
		yield;
	}
	writer.family(
		"vblade_disk_state",
		"gauge",
		`State of the disk: 1 for the one it is in: ${Object.keys(DISK_STATES).join(", ")}.`,
	);
	for (const disk of disks) {
		writer.line("vblade_disk_state", `${labels.get(disk)},state="${disk.state}"`, 1);
		yield;
	}
};

/** What is told of disks that servers store. */
const REMOTE_FAMILIES: readonly {
	readonly name: string;
	readonly kind: "gauge" | "counter";
	readonly help: string;
	readonly value: (remote: NonNullable<DiskMetrics["remote"]>) => number;
}[] = [
	{
		...{
			name: "vblade_disk_remote_connected",
			kind: "gauge",
			value: ({ state }) => (state === "connected" ? 1 : 0),
		},
		help: "1: the server that stores the disk is connected.",
	},
	{
		...{ name: "vblade_disk_remote_waiting", kind: "gauge", value: ({ waiting }) => waiting },
		help: "Requests that the server that stores the disk has not answered.",
	},
	{
		...{ name: "vblade_disk_remote_losses", kind: "counter", value: ({ losses }) => losses },
		help: "Connections to the server that stores the disk that broke.",
	},
	{
		...{ name: "vblade_disk_remote_resends", kind: "counter", value: ({ resends }) => resends },
		help: "Requests that were sent once more to the server that stores the disk.",
	},
];

const aboutRemote: Part = function* (writer, { disks }) {
	for (const { name, kind, help, value } of REMOTE_FAMILIES) {
		writer.family(name, kind, help);
		const line = kind === "counter" ? `${name}_total` : name;
		for (const { remote, name: disk } of disks) {
			if (remote !== null) writer.line(line, `disk="${escaped(disk)}"`, value(remote));
			yield;
		}
	}
};

const aboutLatency: Part = function* (writer, { disks, latency, histograms }) {
	const name = "vblade_disk_io_seconds";
	writer.family(name, "histogram", "From the arrival of a request to its answer.");
	if (!histograms) {
		for (const op of OPERATIONS) {
			writer.histogram(name, `op="${op}"`, latency[op] ?? NOTHING);
		}
		return;
	}
	for (const disk of disks)
		for (const op of OPERATIONS) {
			const measured = disk.figures?.latency[op] ?? NOTHING;
			writer.histogram(name, `disk="${escaped(disk.name)}",op="${op}"`, measured);
			yield;
		}
};

const aboutLinks: Part = function* (writer, { links }) {
	const labels = (link: ObservedLink) => `link="${escaped(link.name)}",worker="${link.worker}"`;
	writer.family("vblade_link_frames", "counter", "Frames received and sent.");
	for (const link of links) {
		writer.line("vblade_link_frames_total", `${labels(link)},direction="in"`, link.framesIn);
		writer.line("vblade_link_frames_total", `${labels(link)},direction="out"`, link.framesOut);
		yield;
	}
	writer.family("vblade_link_dropped", "counter", "Frames that were not carried out, by reason.");
	for (const link of links) {
		for (const reason of REASONS)
			writer.line(
				"vblade_link_dropped_total",
				`${labels(link)},reason="${reason}"`,
				link.dropped[reason] ?? 0,
			);
		yield;
	}
	writer.family("vblade_link_up", "gauge", "1: the link is up.");
	for (const link of links) writer.line("vblade_link_up", labels(link), link.state === "up" ? 1 : 0);
};

const aboutInitiators: Part = function* (writer, { named }) {
	if (named.length === 0) return;
	for (const [counter, unit] of [
		["reads", ""],
		["readBytes", "read_bytes"],
		["writes", ""],
		["writtenBytes", "written_bytes"],
		["resends", ""],
	] as const) {
		const name = `vblade_initiator_${unit || counter}`;
		writer.family(name, "counter", "Of the busiest initiators, on all their disks.");
		for (const { mac, link, counters } of named) {
			writer.line(`${name}_total`, `initiator="${mac}",link="${escaped(link)}"`, counters[counter]);
			yield;
		}
	}
};

const PARTS: readonly Part[] = [
	aboutProcess,
	aboutDisks,
	aboutNbd,
	aboutIscsi,
	aboutRemote,
	aboutMirrors,
	aboutPools,
	aboutMachines,
	aboutLatency,
	aboutLinks,
	aboutInitiators,
];
