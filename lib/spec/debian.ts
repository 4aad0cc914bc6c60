/**
 * Exports as Debian's package keeps them, one per file of /etc/vblade.conf.d (vblade-persistence(5)): what an administrator who comes
 * from there has, and need not write again. A file is assignments in shell syntax; it says the same here as there. Hands on the
 * words of the classic command line to `debian-disk.ts`.
 */

import { type Assignment, readAssignments } from "./assignments.js";
import { type Place, PlacedError, placeAt, unknownName } from "./place.js";

const REQUIRED = ["shelf", "slot", "netif", "filename"] as const;
const KNOWN = [...REQUIRED, "options", "ionice"] as const;
type Name = (typeof KNOWN)[number];

/** One export: the arguments of the classic command line. */
export type DebianExport = Readonly<Record<(typeof REQUIRED)[number], string>> & {
	/** Its options, as words. */
	readonly options: readonly string[];
	/** Where a name is assigned, or else what the file consists of ends. */
	placeOf(name: Name): Place;
	/**
	 * True if the file asks for an I/O scheduling class of its own. One process serves all disks here, and one process has one class:
	 * it is not followed, which the operator wants to be told.
	 */
	readonly ignoresIonice: boolean;
};

/** A file that lacks what an export must have. Debian's scripts pass over it. */
export class IncompleteExport extends PlacedError {}

function isKnown(name: string): name is Name {
	return (KNOWN as readonly string[]).includes(name);
}

/**
 * Reads the text of a file. Undefined for one that only shows how to write one, as Debian's skeleton.conf does. Throws a PlacedError
 * if a name is not known, an IncompleteExport if one is missing.
 */
export function readDebianExport(file: string, text: string): DebianExport | undefined {
	const values = new Map<Name, Assignment>();
	for (const assignment of readAssignments(file, text)) {
		if (!isKnown(assignment.name))
			throw new PlacedError(assignment.place, unknownName("variable", assignment.name, KNOWN));
		// As in a shell, the last one counts.
		values.set(assignment.name, assignment);
	}
	if (values.size === 0) return undefined;
	const end = placeAt(file, text, text.length);
	const value = (name: (typeof REQUIRED)[number]) => required(name, values.get(name), end);
	return {
		shelf: value("shelf"),
		slot: value("slot"),
		netif: value("netif"),
		filename: value("filename"),
		// The scripts hand it on without quotes: a shell takes it apart at blanks, and looks for no quotes in it.
		options: (values.get("options")?.value ?? "").split(/[ \t\n]+/).filter((word) => word !== ""),
		placeOf: (name) => values.get(name)?.place ?? end,
		ignoresIonice: (values.get("ionice")?.value ?? "") !== "",
	};
}

function required(name: Name, assignment: Assignment | undefined, end: Place): string {
	if (assignment === undefined)
		throw new IncompleteExport(end, `${name}= is missing; ${REQUIRED.join(", ")} must be there`);
	if (assignment.value === "") throw new IncompleteExport(assignment.place, `${name}= is empty`);
	return assignment.value;
}
