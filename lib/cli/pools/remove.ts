/**
 * `vblade volume rm`: volumes and snapshots, which don't come back. So the name has to be typed once more, or `--force` given. Called by
 * `commands.ts` with the arguments after the command's name.
 */

import { OperatorError } from "../../errors.js";
import { quote } from "../../text.js";
import { type AskTerminal, askTerminal } from "../asking/terminal.js";
import { EXIT_FAILED, type Output, processOutput, understand } from "../client.js";
import { isPath } from "./open-pool.js";
import { VOLUME_RM } from "./options.js";
import { withPlace } from "./pool-place.js";
import { readWhere } from "./reading.js";
import { forgetSnapshot } from "./volume-changes.js";

/** Resolves to the exit status; throws an OperatorError. `ask`: undefined where there is no terminal. */
export async function volumeRmCommand(
	argv: readonly string[],
	output: Output = processOutput,
	ask: AskTerminal | undefined = askTerminal(),
): Promise<number> {
	const line = await understand(VOLUME_RM, argv, output);
	if (line === undefined) return 0;
	const [text = ""] = line.positionals;
	const where = readWhere(text);
	if (!line.has("force") && !(await isMeant(text, ask))) {
		output.err("vblade: nothing was changed\n");
		return EXIT_FAILED;
	}
	if (!where.name.includes("@")) {
		return withPlace(where, line, output, async (place) => {
			await place.remove(where.name);
		});
	}
	return isPath(text)
		? forgetSnapshot(line, output)
		: (await import("./in-daemon-changes.js")).removeSnapshot(line, output);
}

/** Throws an OperatorError if nobody can be asked. */
async function isMeant(text: string, ask: AskTerminal | undefined): Promise<boolean> {
	if (ask === undefined)
		throw new OperatorError(`${quote(text)}: would not come back; --force removes it without being asked`);
	const what = text.includes("@") ? "a snapshot" : "a volume with all of its snapshots";
	return (await ask(`${what} does not come back; to remove it, type ${text}: `)) === text;
}
