/**
 * The whole as the API shows it: processes, configuration, how many of what, and how much of it.
 */

import { z } from "zod";
import { TLS_REFUSALS_TOLD } from "../../spec/ranges.js";
import { Latencies, Rates } from "./disk.js";
import { IscsiStatus } from "./iscsi.js";
import { bytes, count, moment, seconds, text } from "./units.js";

export const PROCESS_KINDS = ["opener", "worker", "control", "gre"] as const;
export type ProcessKind = (typeof PROCESS_KINDS)[number];

export const Process = z
	.object({
		kind: z.enum(PROCESS_KINDS),
		index: count("Among those of its kind, from 0"),
		pid: z.number().int().nullable().meta({ description: "null: it is being started" }),
		since: moment("When it was started").nullable(),
		restarts: count("How often it was started again"),
		cpuSeconds: seconds("Processor time").nullable(),
		residentBytes: bytes("Memory").nullable(),
	})
	.meta({ id: "Process" });
export type Process = z.infer<typeof Process>;

export const LastReload = z
	.object({ at: moment("When"), ok: z.boolean(), errors: z.array(z.string()) })
	.meta({ id: "LastReload" });
export type LastReload = z.infer<typeof LastReload>;

export const TlsRefusals = z
	.object({
		count: count("Since its worker was started"),
		latest: z
			.array(z.object({ at: moment("When"), peer: text("Who"), why: text("Why") }))
			.meta({ description: `The last ${TLS_REFUSALS_TOLD}, the latest first` }),
	})
	.meta({
		id: "TlsRefusals",
		description: "Clients of NBD that TLS came to nothing with, or that were refused behind it",
	});
export type TlsRefusals = z.infer<typeof TlsRefusals>;

export const Status = z
	.object({
		version: text("Of vblade"),
		since: moment("When vblade was started"),
		health: z.enum(["ok", "degraded", "starting"]).meta({
			description: "`degraded`: something is not served, or the last reload failed; `problems` says what",
		}),
		problems: z
			.array(z.string())
			.meta({ description: "What someone should look at, worst first; at most 20" }),
		processes: z.array(Process),
		configuration: z.object({
			files: z.array(z.string()).meta({ description: "Paths" }),
			lastReload: LastReload.nullable(),
			restartNeeded: z
				.array(z.string())
				.meta({ description: "Keys that were changed and count from the next start" }),
		}),
		counts: z.object({
			disks: count("Disks"),
			open: count("Disks that are served"),
			failed: count("Disks that can't be served"),
			waiting: count("Disks whose pool another host has"),
			fenced: count("Disks that are fenced"),
			links: count("Links"),
			initiators: count(
				"Initiators: those of AoE that were heard in the last minute, clients that are connected over NBD, and sessions of iSCSI",
			),
			nbdClients: count("Clients that are connected over NBD"),
			pools: count("Pools that are configured"),
			machines: count("Machines of templates that have come"),
			activeMachines: count("Machines that have asked for something within the last minute"),
		}),
		nbdTls: TlsRefusals,
		iscsi: IscsiStatus,
		rates: Rates.meta({ description: "Of all disks together" }),
		latency: Latencies.meta({
			description: "Of all disks together, with what workers have done that were started again since",
		}),
	})
	.meta({ id: "Status" });
export type Status = z.infer<typeof Status>;
