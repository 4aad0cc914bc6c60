/**
 * A question to the opener, by a worker: what comes of it, or an error that an operator can be told. Used by `remote-files.ts` and
 * `remote-links.ts`.
 */

import { type Asking, type Delivery, NoAnswerError } from "../channel/asking.js";
import { OperatorError } from "../errors.js";
import type { OpenerRequest } from "../opener/messages.js";

/** An answer, with its one descriptor. Throws an OperatorError, or the NativeError of the opener. */
export async function askForDescriptor(
	opener: Asking,
	body: OpenerRequest,
	limitMs: number,
): Promise<{ descriptor: number; body: Delivery["body"] }> {
	try {
		const answer = await opener.ask({ body }, limitMs);
		const [descriptor] = answer.files.take();
		if (descriptor === undefined) throw new OperatorError("no descriptor came, for too many are open");
		return { descriptor, body: answer.body };
	} catch (error) {
		if (error instanceof NoAnswerError) throw new OperatorError(`the opener gives ${error.message}`);
		throw error;
	}
}
