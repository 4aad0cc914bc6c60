/**
 * A question to the opener, by a worker: what comes of it, or an error that an operator can be told. Used by `remote-files.ts`,
 * `remote-links.ts` and `remote-pools.ts`.
 */

import { type Asking, type Delivery, NoAnswerError } from "../channel/asking.js";
import { OperatorError } from "../errors.js";
import type { OpenerRequest } from "../opener/messages.js";

/** An answer. Throws an OperatorError, also if there is none in time, or the NativeError of the opener. */
export async function askOpener(
	opener: Asking,
	body: OpenerRequest,
	limitMs: number,
	bytes?: Uint8Array,
): Promise<Delivery> {
	try {
		return await opener.ask({ body, ...(bytes && { bytes }) }, limitMs);
	} catch (error) {
		if (error instanceof NoAnswerError) throw new OperatorError(`the opener gives ${error.message}`);
		throw error;
	}
}

/** The same with its one descriptor. */
export async function askForDescriptor(
	opener: Asking,
	body: OpenerRequest,
	limitMs: number,
): Promise<{ descriptor: number; body: Delivery["body"] }> {
	const answer = await askOpener(opener, body, limitMs);
	const [descriptor] = answer.files.take();
	if (descriptor === undefined) throw new OperatorError("no descriptor came, for too many are open");
	return { descriptor, body: answer.body };
}
