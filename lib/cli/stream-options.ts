/** What can be typed after `vblade nbd` and `vblade iscsi`: a part of the table in `options.ts`. Data only. */

import { CLASSIC_OPTIONS, type ClassicOption } from "../spec/classic.js";
import { FILENAME, type Form, HELP } from "./forms.js";

const DISK_OPTION_NAMES = [
	"direct",
	"sync",
	"read-only",
	"scratch",
	"offset",
	"length",
	"durability",
	"user",
	"verbose",
] as const satisfies readonly ClassicOption[];

/** Of the classic options those that are about disks. */
const DISK_OPTIONS = CLASSIC_OPTIONS.filter((option) =>
	(DISK_OPTION_NAMES as readonly string[]).includes(option.name),
) as Extract<(typeof CLASSIC_OPTIONS)[number], { name: (typeof DISK_OPTION_NAMES)[number] }>[];

/** Of what `one-disk.ts` makes a disk of. */
export type DiskOptionName = (typeof DISK_OPTION_NAMES)[number];

export const NBD = {
	name: "nbd",
	help: "Exports a file or block device over NBD.",
	arguments: [
		{ name: "address", help: "unix:PATH, or an address and port: 127.0.0.1:10809, [::1]:10809" },
		FILENAME,
	],
	options: [
		HELP,
		...DISK_OPTIONS,
		{ name: "description", value: "text", help: "what clients are told of the disk" },
		{
			name: "tls",
			value: "mode",
			default: "off",
			help: "require: clients get nothing without TLS; offer: it is their choice",
		},
		{ name: "tls-certificate", value: "file", help: "the server's certificate, in PEM" },
		{ name: "tls-key", value: "file", help: "the key of that" },
		{ name: "tls-ca", value: "file", help: "clients must show a certificate of this CA" },
		{ name: "tls-psk", value: "file", help: "or have one of these keys: lines of NAME:KEY" },
		{ name: "tls-ciphers", value: "list", help: "no others, by OpenSSL's names" },
		{ name: "tls-threads", value: "threads", help: "in which TLS runs (default 1)" },
	],
} as const satisfies Form;

export const ISCSI = {
	name: "iscsi",
	help: "Exports a file or block device over iSCSI.",
	arguments: [
		{
			name: "address",
			help: "unix:PATH, or 127.0.0.1, 127.0.0.1:3260, [::1]:3260; without one port 3260 of all addresses",
			isOptional: true,
		},
		FILENAME,
	],
	options: [
		HELP,
		...DISK_OPTIONS,
		{ name: "target", value: "name", help: "its name; without one it is called after host and file" },
		{ name: "lun", value: "number", default: "0", help: "the disk's number in it" },
		{ name: "removable", help: "initiators may eject it" },
		{
			name: "initiator",
			value: "name",
			help: "nobody else may log in; may be given more than once",
		},
		{ name: "chap-user", value: "name", help: "what an initiator has to prove to be, by CHAP" },
		{ name: "chap-file", value: "file", help: "the secret that belongs to it, one line" },
		{ name: "mutual-user", value: "name", help: "what we prove to be, if it asks" },
		{ name: "mutual-file", value: "file", help: "the secret that belongs to that" },
	],
} as const satisfies Form;
