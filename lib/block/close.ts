/**
 * How closing a device ends where its storage may hang: nobody waits for ever, and nothing is given back under what is still
 * going on. Used by layers and by devices that have something to wait for.
 */

/** `abandoned`: what was under way has not ended within the limit. If it ever does, what the device holds is given back then. */
export type CloseEnd = "closed" | "abandoned";

/** What `closing`, which goes on in any case, comes to within `limitMs`; Infinity for however long it takes. */
export async function endWithin<End>(closing: Promise<End>, limitMs: number): Promise<End | "abandoned"> {
	if (limitMs === Infinity) return closing;
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<"abandoned">((resolve) => {
		timer = setTimeout(() => resolve("abandoned"), limitMs);
	});
	try {
		return await Promise.race([closing, late]);
	} finally {
		clearTimeout(timer);
	}
}
