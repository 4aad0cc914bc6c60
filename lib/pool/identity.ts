/** What initiators know a volume by: made by chance once, or of a text, the same each time. Used by `administration.ts` and `pool.ts`. */

import { createHash, randomUUID } from "node:crypto";
import type { Volume } from "./catalog.js";

type Identity = Pick<Volume, "serial" | "wwn">;

/** By chance, and then for ever. */
export function newIdentity(): Identity {
	return identityOf(randomUUID());
}

/** The same for the same text. */
export function identityOf(text: string): Identity {
	const serial = createHash("sha256").update(text).digest("hex").slice(0, 16);
	return { serial, wwn: `3${serial.slice(1)}` };
}
