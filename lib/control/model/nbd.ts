/** NBD as the API shows it: a disk as an export with its clients; and who may use a disk by that or by iSCSI. */

import { z } from "zod";
import { count, moment, text, total } from "./units.js";

export const NbdClient = z
	.object({
		peer: text("Where it is: an address and port, or process and user at a unix socket"),
		identity: z.string().nullable().meta({
			description:
				"Whom it has proved to be, by TLS: cn: and the name in its certificate, psk: and that of its key; null: it has not",
		}),
		encryption: z.string().nullable().meta({
			description: "TLS's version and cipher, as TLSv1.3 TLS_AES_256_GCM_SHA384; null: it speaks no TLS",
		}),
		past: z.string().nullable().meta({
			description: "What it reads, if that is what the volume was, as fast/web@monday; null: the disk",
		}),
		readOnly: z.boolean(),
		since: moment("Since when it is connected"),
		underWay: count("Requests that are not answered yet"),
		reads: total("Reads"),
		readBytes: total("Bytes read"),
		writes: total("Writes"),
		writtenBytes: total("Bytes written"),
		errors: total("Requests that ended with an error"),
	})
	.meta({ id: "NbdClient" });

export const NbdExport = z
	.object({
		name: text("What clients ask for; empty: nothing"),
		description: text("For people"),
		refused: total("How often somebody asked for it who may not have it"),
		clientCount: count("Connections"),
		clients: z.array(NbdClient).meta({ description: "Of these 64 at most" }),
	})
	.meta({ id: "NbdExport" });
export type NbdExport = z.infer<typeof NbdExport>;

export const DiskAccess = z
	.object({
		protocol: z.enum(["nbd", "iscsi"]),
		initiators: z
			.array(z.string())
			.nullable()
			.meta({ description: "Names of initiators of iSCSI; null: any" }),
		clients: z
			.array(z.string())
			.nullable()
			.meta({ description: "Networks, users and identities that may come; null: any" }),
		readers: z.array(z.string()).nullable().meta({ description: "And those that may only read" }),
		chapUser: z
			.string()
			.nullable()
			.meta({ description: "What initiators have to prove to be; null: nothing" }),
		mutualUser: z.string().nullable().meta({ description: "What is proved to initiators that ask" }),
	})
	.meta({ id: "DiskAccess", description: "Who may use a disk by a protocol, as configured" });
export type DiskAccess = z.infer<typeof DiskAccess>;
