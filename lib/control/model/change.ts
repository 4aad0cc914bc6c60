/**
 * Changes as the API shows them: the plan of what will happen, the job that does it, and the configuration with its differences.
 */

import { z } from "zod";
import { Disk } from "./disk.js";
import { count, diskName, moment, notice, text } from "./units.js";

export const EFFECTS = {
	add: "the disk is opened and served",
	remove: "requests under way are finished, then the disk is gone",
	change: "changed while it is served; nobody notices",
	reexport: "it stays open; what serves it is removed and added: its initiators have a pause",
	replace: "closed, and opened as it shall be: its initiators have a pause",
	restart: "a key that counts when vblade is started again",
} as const;
export type Effect = keyof typeof EFFECTS;

export const Step = z
	.object({
		effect: z.enum(Object.keys(EFFECTS) as [Effect, ...Effect[]]).meta({
			description: Object.entries(EFFECTS)
				.map(([name, help]) => `\`${name}\`: ${help}`)
				.join("; "),
		}),
		disk: diskName.nullable(),
		text: text("One line for people").meta({ example: "disk web: limit.iops 5000 -> 6000 (live)" }),
		live: z.boolean().meta({ description: "No initiator notices" }),
	})
	.meta({ id: "Step" });
export type Step = z.infer<typeof Step>;

export const Plan = z
	.object({
		steps: z.array(Step).meta({ description: "Empty: nothing will change" }),
		notices: z
			.array(z.string())
			.meta({ description: "What the user should know: how long the change lasts, who uses the disk" }),
		users: z.array(z.string()).meta({
			description:
				"Who uses the disk and is interrupted: initiators of AoE, clients of NBD, initiators of iSCSI",
		}),
	})
	.meta({ id: "Plan", description: "What a change will do; with `dry_run=true` nothing else happens" });
export type Plan = z.infer<typeof Plan>;

export const Changed = z
	.object({ plan: Plan, disk: Disk.nullable(), job: z.string().nullable() })
	.meta({ id: "Changed", description: "What was done: the disk as it is now, or the job that goes on" });
export type Changed = z.infer<typeof Changed>;

export const JOB_STATES = ["running", "done", "failed", "cancelled"] as const;

export const Job = z
	.object({
		id: text("Its name in addresses of the API"),
		kind: z.enum(["reload", "change", "flatten", "check", "scrub", "verify", "resync", "empty"]),
		state: z.enum(JOB_STATES),
		disk: diskName.nullable(),
		of: text("The pool, or the volume, that it goes through, or pool and disk").nullable(),
		waiting: z.boolean().meta({ description: "Others have to be done before it begins" }),
		begun: moment("When it was asked for"),
		ended: moment("When it was over").nullable(),
		progress: z.number().min(0).max(1).meta({ description: "How much of it is done: 0 to 1" }),
		done: count("Steps that are over, or bytes of what goes through volumes"),
		total: count("Steps or bytes in all"),
		cancellable: z.boolean().meta({ description: "DELETE ends it before it is done" }),
		message: text("One line for people: what it does, or how it ended"),
		notice,
		errors: z.array(z.string()).meta({ description: "What went wrong, a line each; at most 100" }),
		errorCount: count("How much went wrong in all"),
	})
	.meta({ id: "Job" });
export type Job = z.infer<typeof Job>;

export const JobList = z
	.object({ jobs: z.array(Job).meta({ description: "Latest first" }) })
	.meta({ id: "JobList" });
export type JobList = z.infer<typeof JobList>;

export const Configuration = z
	.object({
		files: z.array(
			z.object({
				path: text("Path"),
				text: z
					.string()
					.nullable()
					.meta({ description: "What is in it; null: not shown to whoever asks without the token" }),
			}),
		),
		running: text("What is running, as a configuration file; secrets are never in it"),
		differences: z.array(Step).meta({ description: "What a reload would do" }),
		errors: z
			.array(z.string())
			.meta({ description: "What is wrong with the files: FILE:LINE:COLUMN: message" }),
		warnings: z.array(z.string()),
	})
	.meta({ id: "Configuration" });
export type Configuration = z.infer<typeof Configuration>;
