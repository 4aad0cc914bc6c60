/** Moments that are counted from now, as `web@-10m`: by their time, when somebody asks for them. Used by `pools.ts`. */

import { fixedName } from "../pool/past.js";
import { Refusal } from "./problem.js";
import { messageOf } from "./thrown.js";

/** A moment that is counted from now is the same one whenever it is asked for. Throws a Refusal. */
export function fixed(name: string): string {
	try {
		return fixedName(name, Date.now() * 1000);
	} catch (error) {
		throw new Refusal(422, messageOf(error));
	}
}
