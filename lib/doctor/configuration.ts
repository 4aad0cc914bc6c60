/**
 * The configuration, for the report: the files as they are, but without secrets. A file that is no TOML is left out, for nobody can tell
 * where in it a secret begins and ends.
 */

import path from "node:path";
import { parse, stringify } from "smol-toml";
import type { Machine } from "./machine.js";
import { LEFT_OUT, redact } from "./redact.js";

/** The text of `file` and of what is in conf.d beside it, by the names that they have in the report. */
export function configurationOf(machine: Machine, file: string): Map<string, string> {
	const folder = path.join(path.dirname(file), "conf.d");
	const parts = machine.names(folder).filter((name) => name.endsWith(".toml"));
	const files = [file, ...parts.map((name) => path.join(folder, name))];
	const texts = new Map<string, string>();
	for (const each of files) {
		const text = machine.read(each);
		if (text !== undefined) texts.set(path.relative(path.dirname(file), each), withoutSecrets(text));
	}
	return texts;
}

function withoutSecrets(text: string): string {
	try {
		return stringify(redact(parse(text)));
	} catch {
		return `# ${LEFT_OUT}: this is not TOML\n`;
	}
}
