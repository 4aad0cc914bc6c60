/**
 * Rooms of diskless machines as the API shows them, and what can be done with a machine.
 */

import { z } from "zod";
import { DISK_STATES, type DiskState } from "./disk.js";
import { count, diskName, mac, moment, text } from "./units.js";

const image = (what: string) => text(what).meta({ example: "fast/gold@v3" });
const states = Object.keys(DISK_STATES) as [DiskState, ...DiskState[]];

export const Machine = z
	.object({
		name: diskName.meta({ description: "Its name, and that of its disk: TEMPLATE-MAC" }),
		template: text("Of which template"),
		mac,
		address: text("Where it boots from").meta({ example: "20.5" }),
		volume: text("Its clone"),
		image: image("What that is a clone of"),
		isCurrent: z.boolean().meta({ description: "That is what new machines get, too" }),
		keep: z.boolean().meta({ description: "What it writes stays from boot to boot" }),
		isKeepOwn: z.boolean().meta({ description: "That was said of this machine, and is not of its template" }),
		made: moment("When its clone was made").nullable(),
		asked: moment("When it has last asked for its script, as far as is known").nullable(),
		state: z.enum(states).nullable().meta({ description: "Of its disk; null: it has none now" }),
		reason: z.string().nullable().meta({ description: "Why it can't boot" }),
		isActive: z.boolean().meta({ description: "It has asked for something within the last minute" }),
	})
	.meta({ id: "Machine" });
export type Machine = z.infer<typeof Machine>;

export const MachineTemplate = z
	.object({
		name: text("Its name in the configuration"),
		image: image("What new machines are clones of"),
		configured: image("What the files say that to be"),
		shelf: count("Where its machines' disks are"),
		netif: z.array(z.string()).meta({ description: "On which links" }),
		keep: z.boolean().meta({ description: "What machines write stays from boot to boot" }),
		macs: z.array(mac).nullable().meta({ description: "Who may come; null: everyone" }),
		machines: count("How many have come"),
		active: count("Of those, how many have asked for something within the last minute"),
		outdated: count("Of those, how many are not of its image"),
	})
	.meta({ id: "MachineTemplate" });
export type MachineTemplate = z.infer<typeof MachineTemplate>;

export const MachineList = z
	.object({
		machines: z.array(Machine),
		templates: z.array(MachineTemplate),
		total: count("Machines that match, also those that are not in this answer"),
		next: z.string().nullable().meta({ description: "`offset` of the page that follows" }),
	})
	.meta({ id: "MachineList" });
export type MachineList = z.infer<typeof MachineList>;

export const MachinePatch = z
	.strictObject({
		keep: z
			.boolean()
			.nullable()
			.meta({ description: "What it writes stays from boot to boot; null: as its template says" }),
	})
	.meta({ id: "MachinePatch" });

export const MachineReset = z
	.strictObject({
		force: z.boolean().optional().meta({ description: "Also while it runs: it is cut off" }),
	})
	.meta({ id: "MachineReset" });
