/** iSCSI as the API shows it: a disk as a logical unit with its sessions, and logins that came to nothing. */

import { z } from "zod";
import { LOGIN_REFUSALS } from "../../daemon/iscsi-state.js";
import { count, moment, text, total } from "./units.js";

export const IscsiSession = z
	.object({
		peer: text("Where it is: an address and port"),
		initiator: text("The name that it says it has"),
		user: z.string().nullable().meta({ description: "What it proved to be, by CHAP; null: nothing" }),
		isid: text("Which of its sessions it is: twelve hexadecimal digits"),
		headerDigest: z.boolean().meta({ description: "Headers are checked (CRC32C)" }),
		dataDigest: z.boolean().meta({ description: "Data are checked (CRC32C)" }),
		since: moment("Since when it is logged in"),
		underWay: count("Commands that are not answered yet"),
		reads: total("Reads"),
		readBytes: total("Bytes read"),
		writes: total("Writes"),
		writtenBytes: total("Bytes written"),
		errors: total("Commands that ended with an error"),
	})
	.meta({ id: "IscsiSession" });

export const IscsiExport = z
	.object({
		target: text("The name of its target"),
		lun: count("Its number there"),
		removable: z.boolean().meta({ description: "Initiators may eject it" }),
		refused: total("How often somebody was refused who wanted its target"),
		unavailable: z
			.string()
			.nullable()
			.meta({ description: "Why nobody can log in to its target at present; null: who may can" }),
		sessionCount: count("Sessions with its target"),
		sessions: z
			.array(IscsiSession)
			.meta({ description: "Of these 64 at most, with what they do on all of the target's disks" }),
	})
	.meta({ id: "IscsiExport" });
export type IscsiExport = z.infer<typeof IscsiExport>;

export const LoginRefused = z
	.object({
		at: moment("When"),
		peer: text("Who"),
		initiator: z.string().nullable().meta({ description: "The name that it said it has, if it came so far" }),
		target: z.string().nullable().meta({ description: "What it wanted, if it came so far" }),
		reason: z.enum(LOGIN_REFUSALS),
		why: text("Why, in words"),
	})
	.meta({ id: "LoginRefused" });

export const IscsiStatus = z
	.object({
		sessions: count("Initiators' sessions"),
		refusals: z
			.record(z.enum(LOGIN_REFUSALS), z.number().int().nonnegative())
			.meta({ description: "Logins that came to nothing, by reason, since the worker was started" }),
		latest: z.array(LoginRefused).meta({ description: "The last 8, the latest first" }),
		errors: z.record(z.string(), z.number().int().nonnegative()).meta({
			description: "Commands that ended with sense data, by sense key, since the worker was started",
		}),
		headerDigestErrors: total("Headers that came with a wrong digest"),
		dataDigestErrors: total("Data that came with a wrong digest"),
	})
	.meta({ id: "IscsiStatus" });
export type IscsiStatus = z.infer<typeof IscsiStatus>;
