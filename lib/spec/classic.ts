/**
 * The options of vblade's own command line, as one table: that of serving (`lib/cli/options.ts`), and what Debian's export files
 * hand to it (`debian.ts`). Taken apart by `getopt.ts`. Data only.
 */

import type { Option } from "./getopt.js";

export const CLASSIC_OPTIONS = [
	{
		name: "buffer-count",
		short: "b",
		value: "bufcnt",
		default: "16",
		help: "frames that an initiator may have outstanding",
	},
	{ name: "direct", short: "d", help: "direct I/O: bypass the page cache" },
	{ name: "sync", short: "s", help: "the same as --durability=ack" },
	{ name: "read-only", short: "r", help: "refuse every write" },
	{
		name: "scratch",
		help: "a snapshot or moment of a volume can be written, which is forgotten at the end",
	},
	{ name: "mac", short: "m", value: "mac[,mac...]", help: "answer only these MAC addresses" },
	{
		name: "offset",
		short: "o",
		value: "offset",
		default: "0",
		help: "sectors to skip at the beginning of filename",
	},
	{ name: "length", short: "l", value: "length", help: "sectors to export; without it, all after offset" },
	{
		name: "durability",
		value: "ack|flush|none",
		default: "ack",
		help: "a write is on stable storage when acknowledged, when flushed, or perhaps never",
	},
	{
		name: "poll-us",
		value: "microseconds",
		default: "50",
		help: "longest wait for a frame without sleeping, if that is fast enough; 0 for never",
	},
	{ name: "no-xdp", help: "send every frame through the interface's queue, where tc and tcpdump see it" },
	{ name: "user", value: "name", help: "once everything is open, go on as this user instead of root" },
	{ name: "force", help: "serve even if another host answers for shelf and slot" },
	{ name: "verbose", help: "log more" },
] as const satisfies readonly Option[];

export type ClassicOption = (typeof CLASSIC_OPTIONS)[number]["name"];
