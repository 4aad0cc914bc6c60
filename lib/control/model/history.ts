/**
 * The past of a disk as the API tells it: what curves and a heat map are drawn of. Columns of equal length, oldest first.
 */

import { z } from "zod";
import { count, diskName, moment, seconds } from "./units.js";

/** null: nothing is known of that step. */
const column = (what: string) => z.array(z.number().nonnegative().nullable()).meta({ description: what });

export const WINDOWS = { "5m": "five minutes, by second", "1d": "a day, by minute" } as const;
export type Window = keyof typeof WINDOWS;

export const History = z
	.object({
		disk: diskName,
		stepSeconds: seconds("From one value to the next"),
		end: moment("The end of the last step"),
		length: count("Values in each column"),
		reads: column("Reads per second"),
		readBytes: column("Bytes read per second"),
		writes: column("Writes per second"),
		writtenBytes: column("Bytes written per second"),
		readP50: column("Half of the reads took at most so many seconds"),
		readP99: column("99 % of the reads took at most so many seconds"),
		writeP50: column("Half of the writes took at most so many seconds"),
		writeP99: column("99 % of the writes took at most so many seconds"),
		heat: z
			.object({
				boundsSeconds: z
					.array(z.number())
					.meta({ description: "Upper bound of each row, in seconds; the last row has none" }),
				rows: z.array(z.array(z.number().nonnegative())).meta({
					description:
						"A row for each range of latency, the quickest first: how many requests of that step it took, about",
				}),
			})
			.meta({ description: "Latency heat map: reads and writes" }),
	})
	.meta({ id: "History" });
export type History = z.infer<typeof History>;
