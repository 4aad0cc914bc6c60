/** What a configuration may say of iSCSI: where initiators connect, and as what a disk is exported. Used by `parts.ts`, and by `schema.ts` for disks. */

import { z } from "zod";
import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import { readIscsiName } from "./iscsi-name.js";
import { readNetwork, readPeers } from "./peers.js";
import { CHAP_NAME_MAX, ISCSI_PORT, NUMBERS, PEER_RANGES_MAX } from "./ranges.js";
import type { ChapSpec, PeerRange } from "./spec.js";
import { text, understood } from "./understood.js";
import { readListen, readNumber } from "./values.js";

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
	return readPeers(what, texts, readNetwork);
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

/** What CHAP consists of, as it was given: a part of it may be missing. */
export interface ChapParts<Value = string> {
	readonly user: Value;
	readonly secretFile: Value;
	readonly mutualUser: Value;
	readonly mutualSecretFile: Value;
}

/** `words`: what each is called where it is given. Throws an OperatorError for a half of either. */
export function chapOf(given: ChapParts<string | undefined>, words: ChapParts): ChapSpec {
	const { user, secretFile, mutualUser, mutualSecretFile } = given;
	const missing = (word: keyof ChapParts): never => {
		throw new OperatorError(`chap: ${words[word]} is missing`);
	};
	if (user === undefined) return missing("user");
	if (secretFile === undefined) return missing("secretFile");
	if (mutualUser === undefined && mutualSecretFile === undefined) return { user, secretFile };
	if (mutualUser === undefined) return missing("mutualUser");
	if (mutualSecretFile === undefined) return missing("mutualSecretFile");
	if (mutualSecretFile === secretFile)
		throw new OperatorError("chap: each direction needs a secret of its own");
	return { user, secretFile, mutual: { user: mutualUser, secretFile: mutualSecretFile } };
}

const CHAP_KEYS: ChapParts = {
	user: "user",
	secretFile: "secret_file",
	mutualUser: "mutual_user",
	mutualSecretFile: "mutual_secret_file",
};

function readChap({ user, secret_file, mutual_user, mutual_secret_file }: z.output<typeof chapSchema>) {
	const others = { mutualUser: mutual_user, mutualSecretFile: mutual_secret_file };
	return chapOf({ user, secretFile: secret_file, ...others }, CHAP_KEYS);
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
	.strictObject({ listen: z.array(text((name) => readListen(name, ISCSI_PORT))) })
	.partial();

export type IscsiValues = z.output<typeof iscsiSchema>;
export type IscsiExportValues = z.output<typeof iscsiExportSchema>;
