/** The names of the keys that a schema of tables knows, for messages about one that it does not know. Used by who reads settings. */

import { z } from "zod";

/** The names of the keys in the table at `path` of what a schema describes. */
export function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
	const table = schema instanceof z.ZodOptional ? schema.unwrap() : schema;
	if (!(table instanceof z.ZodObject)) return [];
	const shape: Readonly<Record<string, z.ZodType>> = table.shape;
	const [key, ...rest] = path;
	if (key === undefined) return Object.keys(shape);
	const inner = shape[String(key)];
	return inner === undefined ? [] : keysAt(inner, rest);
}

/** The same with the keys of the tables in it, as in `limit.iops`, for messages about one that is not among them. */
export function namesAt(schema: z.ZodType, path: readonly PropertyKey[]): string[] {
	const keys = keysAt(schema, path);
	return [
		...keys,
		...keys.flatMap((key) => keysAt(schema, [...path, key]).map((inner) => `${key}.${inner}`)),
	];
}
