/**
 * Names of iSCSI's targets and initiators, in the form in which they are compared (RFC 3722), and the one that a target has if it is given none. Read
 * from configuration files by `iscsi-schema.ts`, and from the command line.
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";

/** RFC 7143, 4.2.7.2. */
const NAME_BYTES_MAX = 223;
/** Of a derived name: the month in which this program began to make such names. */
const DERIVED = "iqn.2026-11";

const IQN = /^iqn\.[0-9]{4}-(?:0[1-9]|1[0-2])\.[^:]+(?::.+)?$/u;
/** Letters of any script, digits, and of ASCII's other characters these (RFC 3722, 5): underscores are seen in names of initiators nevertheless. */
const CHARACTERS = /^[\p{L}\p{N}\p{M}\-.:_]+$/u;
const EUI = /^eui\.[0-9a-f]{16}$/;
const NAA = /^naa\.(?:[0-9a-f]{16}|[0-9a-f]{32})$/;

/** Throws an OperatorError if that is no name. */
export function readIscsiName(what: string, text: string): string {
	const name = text.normalize("NFKC").toLowerCase();
	const isName = (IQN.test(name) && CHARACTERS.test(name)) || EUI.test(name) || NAA.test(name);
	if (isName && Buffer.byteLength(name) <= NAME_BYTES_MAX) return name;
	throw new OperatorError(
		`${what} ${quote(text)}: a name such as iqn.2026-11.org.example:web is allowed, or eui. or naa. and hexadecimal digits, of at most ${NAME_BYTES_MAX} bytes`,
	);
}

/** Of the only disk of a target, by the name of this host and of the disk: `iqn.2026-11.org.example.san:web` on `san.example.org`. */
export function derivedTarget(host: string, disk: string): string {
	const plain = (text: string): string => text.toLowerCase().replace(/[^a-z0-9-]/g, "-");
	const labels = host.split(".").filter((label) => label !== "");
	const domain = labels.length > 1 ? labels.reverse() : ["local", ...labels];
	// (A host's name has 64 bytes at most, and a disk's: together they fit.)
	return `${DERIVED}.${domain.map(plain).join(".")}:${disk.toLowerCase().replace(/[^a-z0-9.-]/g, "-")}`;
}
