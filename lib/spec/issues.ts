/** What a schema finds wrong, as people are told: with the place, and with the nearest of what is known. Used by `parts.ts`. */

import type { z } from "zod";
import { type Place, PlacedError, unknownName } from "./place.js";
import { namesAt } from "./schema-keys.js";
import type { TomlPath } from "./toml.js";

/** What messages call the kinds of value that a schema can expect. */
const KINDS: Readonly<Record<string, string>> = {
	string: "text in quotes",
	number: "a number",
	boolean: "true or false",
	array: "a list",
	object: "a table",
};

/** An issue of a schema as people are told. */
export function toldOf(
	schema: z.ZodType,
	issue: z.core.$ZodIssue,
	placeOf: (path: TomlPath) => Place,
): PlacedError[] {
	const path = issue.path.map((key) => (typeof key === "number" ? key : String(key)));
	if (issue.code === "unrecognized_keys")
		return issue.keys.map(
			(key) => new PlacedError(placeOf([...path, key]), unknownName("key", key, namesAt(schema, path))),
		);
	if (issue.code === "custom") return [new PlacedError(placeOf(path), issue.message)];
	const name = path.findLast((key) => typeof key === "string");
	const what =
		issue.code === "invalid_type" ? `${KINDS[issue.expected] ?? issue.expected} is expected` : issue.message;
	return [new PlacedError(placeOf(path), name === undefined ? what : `${name}: ${what}`)];
}
