/**
 * What went wrong with a request, as RFC 9457 has it: `application/problem+json`.
 */

import { z } from "zod";
import { text } from "./units.js";

export const PROBLEM_TYPE = "application/problem+json";

export const Problem = z
	.object({
		type: text("Always `about:blank`: the status says what kind of problem it is"),
		title: text("The status in words"),
		status: z.number().int().min(400).max(599),
		detail: text("One line for people: what is wrong, and what is allowed"),
		errors: z
			.array(
				z.object({
					pointer: z.string().optional().meta({
						description: "JSON pointer (RFC 6901) to the field of the body",
						example: "#/limit/iops",
					}),
					place: z
						.string()
						.optional()
						.meta({ description: "FILE:LINE:COLUMN", example: "/etc/vblade/vblade.toml:12:1" }),
					detail: z.string(),
				}),
			)
			.optional()
			.meta({ description: "All that is wrong, one by one" }),
	})
	.meta({ id: "Problem" });
export type Problem = z.infer<typeof Problem>;
