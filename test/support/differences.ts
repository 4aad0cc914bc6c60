/** Reads the tables of `docs/differences.md`, so that tests can hold both servers to them. */

import { readFileSync } from "node:fs";
import { sourceFile } from "./paths.js";

export interface Difference {
	readonly name: string;
	/** What Debian's vblade 25 does, in the words of the test. */
	readonly vblade25: string;
	/** What this vblade does. */
	readonly ours: string;
	readonly why: string;
}

/** The rows of the table under the heading `## heading`, by name. Throws if a row can't be read or comes twice. */
export function differences(heading: string): Map<string, Difference> {
	const text = readFileSync(sourceFile("docs/differences.md"), "utf8");
	const [, section] = text.split(`\n## ${heading}\n`);
	if (section === undefined) throw new Error(`docs/differences.md has no section "${heading}"`);
	const rows = new Map<string, Difference>();
	const [body = ""] = section.split("\n## ");
	for (const line of body
		.split("\n")
		.filter((line) => line.startsWith("|"))
		.slice(2)) {
		const [, name, vblade25, ours, why] = /^\| (.+?) \| `(.+?)` \| `(.+?)` \| (.+?) \|$/.exec(line) ?? [];
		if (!name || !vblade25 || !ours || !why) throw new Error(`docs/differences.md: can't read "${line}"`);
		if (rows.has(name)) throw new Error(`docs/differences.md: "${name}" is there twice`);
		rows.set(name, { name, vblade25, ours, why });
	}
	return rows;
}
