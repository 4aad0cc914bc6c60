/** Questions to whoever sits at the terminal, for commands whose work can't be undone. Used by `changes.ts` and `../pools/remove.ts`. */

import { createInterface } from "node:readline/promises";

/** Resolves to what is answered. */
export type AskTerminal = (question: string) => Promise<string>;

/** Undefined: whoever has no terminal is not asked. */
export function askTerminal(): AskTerminal | undefined {
	if (!process.stdin.isTTY || !process.stderr.isTTY) return undefined;
	return async (question) => {
		const lines = createInterface({ input: process.stdin, output: process.stderr });
		// The end of input is no answer.
		const ended = new Promise<string>((resolve) => lines.once("close", () => resolve("")));
		const answer = await Promise.race([lines.question(question), ended]);
		lines.close();
		return answer.trim();
	};
}
