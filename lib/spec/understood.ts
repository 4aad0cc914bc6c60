/** Values of a schema that a reader of `values.ts` and its like understands: what it throws is the schema's issue. Used by the schemas. */

import { z } from "zod";
import { OperatorError } from "../errors.js";

/** A value that `read` understands, or throws an OperatorError for. */
export function understood<Plain extends z.ZodType, Read>(
	plain: Plain,
	read: (value: z.output<Plain>) => Read,
) {
	return plain.transform((value, context): Read => {
		try {
			return read(value);
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			context.addIssue({ code: "custom", message: error.message });
			return z.NEVER;
		}
	});
}

export const text = <Read>(read: (text: string) => Read) => understood(z.string(), read);
