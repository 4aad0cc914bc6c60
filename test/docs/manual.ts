/** Manual pages as text, for the tests that hold them against what they tell of. */

import { LIMIT_MS } from "../support/limit.js";
import { sourceFile } from "../support/paths.js";
import { run } from "../support/process.js";

/** A manual page as plain text, paragraphs in one line each. */
export async function manual(name: string): Promise<string> {
	const { code, stdout } = await run(["mandoc", "-Tascii", "-Owidth=900", sourceFile("man", name)], LIMIT_MS);
	if (code !== 0) throw new Error(`mandoc ${name}: status ${code}`);
	// Bold is a letter written twice, underlined a letter over an underscore.
	return stdout.replaceAll(/.[\b]/g, "");
}
