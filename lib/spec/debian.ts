/**
 * Exports as Debian's package keeps them, one per file of /etc/vblade.conf.d (vblade-persistence(5)): what an administrator who comes
 * from there has, and need not write again. A file is assignments in shell syntax; it says the same here as there. Hands on the
 * words of the classic command line, which is read as always.
 */

import { type Assignment, readAssignments } from "./assignments.js";
import { type Place, PlacedError, placeAt, unknownName } from "./place.js";

const REQUIRED = ["shelf", "slot", "netif", "filename"] as const;
const KNOWN = [...REQUIRED, "options", "ionice"] as const;
type Name = (typeof KNOWN)[number];

/** One export. */
export interface DebianExport {
	/** The words that a shell would have handed to vblade: options, then shelf, slot, interface and file. */
	readonly words: readonly string[];
	/** Where each name is assigned, for messages about its value. */
	readonly places: ReadonlyMap<Name, Place>;
	/**
	 * True if the file asks for an I/O scheduling class of its own. One process serves all disks here, and one process has one class:
	 * it is not followed, which the operator wants to be told.
	 */
	readonly ignoresIonice: boolean;
}

function isKnown(name: string): name is Name {
	return (KNOWN as readonly string[]).includes(name);
}

/** Reads the text of a file. Throws a PlacedError if a name is not known or missing. */
export function readDebianExport(file: string, text: string): DebianExport {
	const values = new Map<Name, Assignment>();
	for (const assignment of readAssignments(file, text)) {
		if (!isKnown(assignment.name))
			throw new PlacedError(assignment.place, unknownName("variable", assignment.name, KNOWN));
		// As in a shell, the last one counts.
		values.set(assignment.name, assignment);
	}
	const operands = REQUIRED.map((name) => required(name, values, file, text));
	const options = values.get("options")?.value ?? "";
	return {
		// The scripts hand it on without quotes: a shell takes it apart at blanks, and looks for no quotes in it.
		words: [...options.split(/[ \t\n]+/).filter((word) => word !== ""), ...operands],
		places: new Map([...values].map(([name, { place }]) => [name, place])),
		ignoresIonice: (values.get("ionice")?.value ?? "") !== "",
	};
}

function required(name: Name, values: ReadonlyMap<Name, Assignment>, file: string, text: string): string {
	const assignment = values.get(name);
	if (assignment === undefined)
		throw new PlacedError(
			placeAt(file, text, text.length),
			`${name}= is missing; ${REQUIRED.join(", ")} must be there`,
		);
	if (assignment.value === "") throw new PlacedError(assignment.place, `${name}= is empty`);
	return assignment.value;
}
