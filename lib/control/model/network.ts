/**
 * Links and initiators as the API shows them.
 */

import { z } from "zod";
import { Counters, Latencies, Rates } from "./disk.js";
import { bytes, count, diskName, mac, moment, text, total } from "./units.js";

export const Link = z
	.object({
		name: text("What the configuration calls it").meta({ example: "eth0" }),
		worker: count("The worker that has it open, from 0"),
		state: z.enum(["up", "down", "gone", "failed"]),
		reason: z.string().nullable().meta({ description: "Why it is not up" }),
		mac: mac.nullable(),
		mtu: bytes("Longest payload of a frame").nullable(),
		speedBitsPerSecond: count(
			"What the kernel says of the interface, in bits per second; null: it says nothing",
		).nullable(),
		disks: count("Disks that are served on it"),
		initiators: count("Initiators that were heard on it"),
		framesIn: total("Frames received"),
		framesOut: total("Frames sent"),
		bytesIn: total("Bytes of data received, to be written"),
		bytesOut: total("Bytes of data sent, that were read"),
		counters: Counters,
		latency: Latencies,
		underWay: count("Requests that have arrived and are not answered"),
		dropped: z
			.record(z.string(), z.number().int().nonnegative())
			.meta({ description: "Frames that were not carried out, by reason; reasons without any are left out" }),
		framesInPerSecond: z.number().nonnegative(),
		framesOutPerSecond: z.number().nonnegative(),
	})
	.meta({
		id: "Link",
		description: "An interface, or whatever carries frames; one entry for each worker that has it open",
	});
export type Link = z.infer<typeof Link>;

export const LinkList = z
	.object({
		links: z.array(Link),
		reasons: z.record(z.string(), z.string()).meta({ description: "What the names of reasons mean" }),
	})
	.meta({ id: "LinkList" });
export type LinkList = z.infer<typeof LinkList>;

export const Initiator = z
	.object({
		mac,
		link: text("The link that it is heard on"),
		disks: z.array(diskName).meta({ description: "Disks that it has used" }),
		counters: Counters,
		rates: Rates,
		latency: Latencies,
		lastSeen: moment("Its last request").nullable(),
	})
	.meta({
		id: "Initiator",
		description:
			"Who uses disks: a MAC address on a link. Counters, rates and latencies are of all its disks there, or, asked with `disk`, of that one alone",
	});
export type Initiator = z.infer<typeof Initiator>;

export const InitiatorList = z
	.object({
		initiators: z.array(Initiator),
		total: count("Initiators that match, also those that are not in this answer"),
		next: z.string().nullable().meta({ description: "`offset` of the page that follows" }),
	})
	.meta({ id: "InitiatorList" });
export type InitiatorList = z.infer<typeof InitiatorList>;
