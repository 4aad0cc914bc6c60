/**
 * What a command that asks a daemon prints, carried out in this process: to start another one for each takes more than the daemon needs for the
 * answer. How such commands are started, and end, is for `test/cli/`.
 */

import * as commands from "../../lib/cli/asking/commands.js";
import { GROUPS } from "../../lib/cli/options.js";
import { FailedError, OperatorError } from "../../lib/errors.js";

/** What `vblade WORDS --socket SOCKET` says, on either output, with the reason if it could not. */
export async function asked(socket: string, ...words: string[]): Promise<string> {
	const isGrouped = GROUPS.some(({ name }) => name === words[0]);
	const name = words.slice(0, isGrouped ? 2 : 1);
	const key = `${name[0]}${name[1]?.replace(/^./, (first) => first.toUpperCase()) ?? ""}Command`;
	const command = Object.entries(commands).find(([each]) => each === key)?.[1];
	if (command === undefined) throw new Error(`${name.join(" ")}: no such command asks a daemon`);
	let text = "";
	const take = (more: string): void => {
		text += more;
	};
	try {
		await command([...words.slice(name.length), "--socket", socket], { out: take, err: take });
	} catch (error) {
		if (!(error instanceof OperatorError || error instanceof FailedError)) throw error;
		text += `vblade: ${error.message}\n`;
	}
	return text;
}
