/**
 * The settings of a disk as the API takes and shows them: the keys of `[disk.NAME]` in the configuration, with the same names and
 * values. This is the outline alone: what a value may be is decided by the reader of the configuration, whose errors point into
 * the body as they point into a file.
 */

import { z } from "zod";

const size = z.union([z.string(), z.number().int().nonnegative()]).meta({
	description: "A size in bytes: a number, or a text with K, M, G or T for powers of 1024",
	example: "10G",
});

const rate = z.number().int().nonnegative();

export const LimitSettings = z
	.object({
		iops: rate.meta({ description: "Reads and writes per second" }),
		read_iops: rate.meta({ description: "Reads per second" }),
		write_iops: rate.meta({ description: "Writes per second" }),
		bandwidth: size.meta({ description: "Bytes per second, reads and writes" }),
		read_bandwidth: size.meta({ description: "Bytes read per second" }),
		write_bandwidth: size.meta({ description: "Bytes written per second" }),
	})
	.partial()
	.meta({ id: "LimitSettings", description: "What a disk may do; what is left out is without a limit" });

export const AoeSettings = z
	.looseObject({
		address: z.string().meta({ description: "SHELF.SLOT: 0 to 65534, and 0 to 254", example: "9.0" }),
		netif: z.union([z.string(), z.array(z.string())]).meta({
			description: "Interfaces, globs of them, `unix:PATH`, `pcap:NAME`",
			example: ["eth0"],
		}),
		macs: z.array(z.string()).meta({ description: "Who may use it; left out: everyone; empty: nobody" }),
	})
	.partial()
	.meta({ id: "AoeSettings", description: "`[disk.NAME.aoe]`; every key of vblade.toml(5) is allowed" });

const settings = z.looseObject({
	file: z.string().meta({ description: "A file or block device", example: "/srv/vblade/web.img" }),
	memory: size.meta({ description: "Memory instead of a file: zeros at start, gone at the end" }),
	read_only: z.boolean(),
	direct: z.boolean(),
	durability: z.enum(["ack", "flush", "none"]),
	offset: size.meta({
		description: "Where the disk begins in its file, in bytes or sectors as vblade.toml(5) has it",
	}),
	length: size.meta({ description: "How much of the file it is" }),
	limit: LimitSettings,
	aoe: AoeSettings,
});

/** Keys with null are taken away. */
export const DiskSettings = settings
	.partial()
	.meta({ id: "DiskSettings", description: "`[disk.NAME]`; every key of vblade.toml(5) is allowed" });
export type DiskSettings = z.infer<typeof DiskSettings>;

/** What PATCH takes: RFC 7396. */
export const DiskPatch = z.record(z.string(), z.unknown()).meta({
	id: "DiskPatch",
	description:
		"A JSON merge patch (RFC 7396) of DiskSettings: keys that are left out stay, null takes one away",
});
export type DiskPatch = z.infer<typeof DiskPatch>;
