/** `quota=10G history=2h`: what is set of a volume, as words of a command line. Used by `volume-changes.ts` and `in-daemon-changes.ts`. */

import type { z } from "zod";
import { volumePatchSchema, volumeSchema } from "../../spec/volume-schema.js";
import { readSettings, type Settings } from "../asking/settings.js";

/** As the API takes it, and as that is understood. Throws an OperatorError. */
export function readVolumeSettings(words: readonly string[]): {
	readonly plain: Settings;
	readonly change: z.output<typeof volumePatchSchema>;
} {
	const plain = readSettings(words, true, volumeSchema);
	return { plain, change: volumePatchSchema.parse(plain) };
}
