/** What a configuration may say of NBD: where clients connect, and as what a disk is exported. Used by `parts.ts`, and by `schema.ts` for disks. */

import { z } from "zod";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { readPeers } from "./peers.js";
import { NBD_STRING_MAX, NUMBERS } from "./ranges.js";
import { NBD_PORT } from "./remote.js";
import { readTlsMode, readTlsSettings } from "./tls.js";
import { text, understood } from "./understood.js";
import { readListen, readNumber } from "./values.js";

function readNbdText(what: string) {
	return (string: string): string => {
		if (Buffer.byteLength(string) <= NBD_STRING_MAX && !string.includes("\0")) return string;
		throw new OperatorError(
			`${what} ${quote(string)}: at most ${NBD_STRING_MAX} bytes are allowed, none of them 0`,
		);
	};
}

const peers = (name: string) => understood(z.array(z.string()), (list) => readPeers(name, list));

export const nbdExportSchema = z
	.strictObject({
		name: text(readNbdText("name")),
		description: text(readNbdText("description")),
		clients: peers("clients"),
		readers: peers("readers"),
	})
	.partial();

const path = (name: string) =>
	text((file) => {
		if (file.startsWith("/") && !file.includes("\0")) return file;
		throw new OperatorError(`${name} ${quote(file)}: an absolute path is allowed`);
	});

const tlsSchema = z
	.strictObject({
		mode: text((mode) => readTlsMode("mode", mode)),
		certificate: path("certificate"),
		key_file: path("key_file"),
		ca: path("ca"),
		psk_file: path("psk_file"),
		ciphers: z.string(),
		threads: understood(z.number(), (threads) =>
			readNumber("threads", String(threads), NUMBERS["tls-threads"]),
		),
	})
	.partial();

export const nbdSchema = z
	.strictObject({
		listen: z.array(text((name) => readListen(name, NBD_PORT))),
		tls: understood(tlsSchema, readTlsSettings),
	})
	.partial();

export type NbdValues = z.output<typeof nbdSchema>;
export type NbdExportValues = z.output<typeof nbdExportSchema>;
