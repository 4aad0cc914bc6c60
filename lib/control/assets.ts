/**
 * What the page is made of: read once, while files can still be read, and served from memory. Called by `process.ts` and by tests.
 */

import type { Asset } from "./app.js";

export function loadAssets(): ReadonlyMap<string, Asset> {
	return new Map();
}
