/** Commands that ask a daemon, run in this process with what they print kept. Used by the tests beside it. */

import type { Output } from "../../../lib/cli/client.js";
import { OperatorError } from "../../../lib/errors.js";

export interface Told {
	readonly status: number;
	readonly out: string;
	readonly err: string;
}

type Command = (argv: readonly string[], output: Output) => Promise<number>;

/** A mistake of the operator's is status 2, as in the program. */
export async function run(command: Command, ...argv: string[]): Promise<Told> {
	let [out, err] = ["", ""];
	const output: Output = {
		out: (text) => {
			out += text;
		},
		err: (text) => {
			err += text;
		},
	};
	try {
		return { status: await command(argv, output), out, err };
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return { status: 2, out, err: `${err}${error.message}` };
	}
}
