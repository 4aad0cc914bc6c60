/**
 * The list of the API's routes in docs/operations.md has all that there are, as they say of themselves, and no others. Part of
 * `npm run check`.
 */

import { readFileSync } from "node:fs";
import t from "tap";
import { allRoutes } from "../../lib/control/api/all.js";
import type { Inside } from "../../lib/control/api/inside.js";
import { sourceFile } from "../support/paths.js";
import { table } from "./tables.js";

t.test("every route is listed with its summary", async (t) => {
	const listed = table(readFileSync(sourceFile("docs/operations.md"), "utf8"), "The API");
	// What they are made of is asked when they are.
	const routes = allRoutes({} as Inside);
	t.strictSame(listed, [
		...routes.map(({ method, path, summary }) => [`${method} ${path}`, summary.replaceAll("`", "")]),
		["GET /openapi.json", "The OpenAPI document: what each takes and answers"],
	]);
});
