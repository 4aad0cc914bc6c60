/** What a configuration may say of iSCSI: where initiators connect, and as what a disk is exported. Used by `parts.ts`, and by `schema.ts` for disks. */

import { z } from "zod";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { readIscsiName } from "./iscsi-name.js";
import { readPeers } from "./peers.js";
import { CHAP_NAME_MAX, NUMBERS, PEER_RANGES_MAX } from "./ranges.js";
import type { ChapSpec, PeerRange } from "./spec.js";
import { text, understood } from "./understood.js";
import { readNumber, readSocket } from "./values.js";

/** Throws an OperatorError for what can't be said of who has logged in (RFC 7143, 12.1.3: a text of at most 255 bytes). */
export function readChapUser(what: string, user: string): string {
	if (/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/.test(user) && user.length <= CHAP_NAME_MAX) return user;
	throw new OperatorError(`${what} ${quote(user)}: 1 to ${CHAP_NAME_MAX} characters of ASCII are allowed`);
}

/** Throws an OperatorError for more than a list may have, and for what is no name. */
export function readInitiators(what: string, names: readonly string[]): string[] {
	if (names.length > PEER_RANGES_MAX)
		throw new OperatorError(`${what}: ${names.length} are given; at most ${PEER_RANGES_MAX} are allowed`);
	return names.map((name) => readIscsiName(what, name));
}

/** By addresses: of whoever is at a unix socket, and of TLS, iSCSI knows nothing. */
function readNetworks(what: string, texts: readonly string[]): PeerRange[] {
	const ranges = readPeers(what, texts);
	const other = ranges.findIndex(({ kind }) => kind !== "network");
	if (other < 0) return ranges;
	throw new OperatorError(
		`${what} ${quote(texts[other] ?? "")}: an address or a range is allowed, such as 192.0.2.7 or 2001:db8::/32`,
	);
}

const path = (name: string) =>
	text((file) => {
		if (file.startsWith("/") && !file.includes("\0")) return file;
		throw new OperatorError(`${name} ${quote(file)}: an absolute path is allowed`);
	});

const chapSchema = z
	.strictObject({
		user: text((user) => readChapUser("user", user)),
		secret_file: path("secret_file"),
		mutual_user: text((user) => readChapUser("mutual_user", user)),
		mutual_secret_file: path("mutual_secret_file"),
	})
	.partial();

/** Throws an OperatorError for a half of either. */
function readChap(given: z.output<typeof chapSchema>): ChapSpec {
	const { user, secret_file, mutual_user, mutual_secret_file } = given;
	if (user === undefined || secret_file === undefined)
		throw new OperatorError(`chap: ${user === undefined ? "user" : "secret_file"} is missing`);
	if ((mutual_user === undefined) !== (mutual_secret_file === undefined))
		throw new OperatorError(
			`chap: ${mutual_user === undefined ? "mutual_user" : "mutual_secret_file"} is missing`,
		);
	const own = { user, secretFile: secret_file };
	if (mutual_user === undefined || mutual_secret_file === undefined) return own;
	if (mutual_secret_file === secret_file)
		throw new OperatorError("chap: each direction needs a secret of its own");
	return { ...own, mutual: { user: mutual_user, secretFile: mutual_secret_file } };
}

export const iscsiExportSchema = z
	.strictObject({
		target: text((name) => readIscsiName("target", name)),
		lun: understood(z.number(), (lun) => readNumber("lun", String(lun), NUMBERS.lun)),
		removable: z.boolean(),
		initiators: understood(z.array(z.string()), (names) => readInitiators("initiators", names)),
		clients: understood(z.array(z.string()), (list) => readNetworks("clients", list)),
		chap: understood(chapSchema, readChap),
	})
	.partial();

export const iscsiSchema = z
	.strictObject({ listen: z.array(text((name) => readSocket("listen", name))) })
	.partial();

export type IscsiValues = z.output<typeof iscsiSchema>;
export type IscsiExportValues = z.output<typeof iscsiExportSchema>;
