/** Text that was stored, as the JSON object or array that it is. Whoever wrote it, nothing in it is believed. Used by whoever reads the head, checkpoints and notes. */

type Json = null | boolean | number | string | readonly Json[] | JsonObject;
export interface JsonObject {
	readonly [name: string]: Json;
}

/** Undefined if it is none. */
export function storedJson(bytes: Uint8Array | string): Record<string, unknown> | undefined {
	try {
		const text = typeof bytes === "string" ? bytes : new TextDecoder("utf-8", { fatal: true }).decode(bytes);
		const value: unknown = JSON.parse(text);
		return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
	} catch {
		return undefined;
	}
}
