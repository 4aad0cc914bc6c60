/**
 * What the page is made of: read once, while files can still be read, and served from memory. `scripts/bundle.mjs` puts it beside the
 * program: the files of `lib/control/page/` as they are, and uPlot. Called by `process.ts` and by tests.
 */

import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Asset } from "./app.js";

const MEDIA_TYPES: Readonly<Record<string, string>> = {
	".html": "text/html; charset=utf-8",
	".css": "text/css; charset=utf-8",
	".js": "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
};

/** Where they are in the program that `scripts/bundle.mjs` makes. */
const BESIDE_PROGRAM = fileURLToPath(new URL("page", import.meta.url));

/** By path, as the application wants them; `index.html` is at `/`. */
export function loadAssets(folder = BESIDE_PROGRAM): ReadonlyMap<string, Asset> {
	const assets = new Map<string, Asset>();
	for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true })) {
		const mediaType = MEDIA_TYPES[path.extname(entry.name)];
		if (!entry.isFile() || mediaType === undefined) continue;
		const file = path.join(entry.parentPath, entry.name);
		const address = `/${path.relative(folder, file).replace(/^index\.html$/, "")}`;
		assets.set(address, { mediaType, bytes: new Uint8Array(readFileSync(file)) });
	}
	return assets;
}
