/**
 * What happens, as the API tells it: to disks, links, initiators, processes and the configuration. Sent one by one as server-sent
 * events, and listed.
 */

import { z } from "zod";
import { count, diskName, mac, moment, text } from "./units.js";

export const EVENT_KINDS = [
	"disk-opened",
	"disk-failed",
	"disk-removed",
	"disk-fenced",
	"disk-unfenced",
	"disk-changed",
	"disk-resized",
	"disk-stalled",
	"disk-resumed",
	"mirror-compared",
	"volume-created",
	"volume-changed",
	"volume-removed",
	"volume-rolled-back",
	"pool-examined",
	"pool-history",
	"pool-away",
	"pool-failed",
	"pool-damage",
	"pool-checkpoint",
	"pool-full",
	"pool-clock",
	"pool-store",
	"pool-taken",
	"pool-moved",
	"pool-handed-over",
	"pool-lost",
	"pool-renewed",
	"pool-waits",
	"pool-replica",
	"pool-split",
	"snapshot-taken",
	"snapshot-changed",
	"snapshot-removed",
	"fault",
	"rival",
	"nbd-client",
	"nbd-tls",
	"iscsi-initiator",
	"iscsi-login",
	"link",
	"configuration",
	"machine",
	"process",
	"log",
] as const;
export type EventKind = (typeof EVENT_KINDS)[number];

export const SEVERITIES = ["info", "warning", "error"] as const;
export type Severity = (typeof SEVERITIES)[number];

export const Event = z
	.object({
		id: count("Grows by 1; by more when the control process is started again, which goes on with the latest"),
		at: moment("When it happened"),
		kind: z.enum(EVENT_KINDS),
		severity: z.enum(SEVERITIES),
		disk: diskName.optional(),
		volume: z.string().optional().meta({ description: "POOL/VOLUME", example: "fast/web" }),
		link: z.string().optional(),
		initiator: mac.optional(),
		message: text("One line for people"),
	})
	.meta({ id: "Event" });
export type Event = z.infer<typeof Event>;

export const EventList = z
	.object({
		events: z.array(Event).meta({ description: "Oldest first" }),
		lost: z.boolean().meta({
			description:
				"There were others between `after` and the first of these, which are not kept any more, or may have been: the control process was killed",
		}),
	})
	.meta({ id: "EventList" });
export type EventList = z.infer<typeof EventList>;
