/**
 * `limit.iops=5000`: settings of a disk, or a volume, as words of a command line. The keys are those of `[disk.NAME]` in vblade.toml(5), with dots;
 * values are read by the schema that reads files. Used by `changes.ts` and the commands of volumes. Throws an OperatorError for what is not understood.
 */

import { parse, TomlError } from "smol-toml";
import { z } from "zod";
import { OperatorError } from "../../errors.js";
import { unknownName } from "../../spec/place.js";
import { diskSchema } from "../../spec/schema.js";
import { quote } from "../../text.js";

/** What a patch has: plain values in tables; null takes one away. */
export type Settings = { [key: string]: unknown };

/** Every key, with dots, and the schema of its value. Tables are keys, too. */
function keysOf(schema: z.ZodType, prefix: string): [string, z.ZodType][] {
	const table = plainSchema(schema);
	if (!(table instanceof z.ZodObject)) return [];
	return Object.entries(table.shape as Record<string, z.ZodType>).flatMap(([name, value]) => {
		const key = `${prefix}${name}`;
		return [[key, value] as [string, z.ZodType], ...keysOf(value, `${key}.`)];
	});
}

/** The settings that `words` ask for, of a disk or by another `schema`. `key=` is null, if keys can be taken away here. */
export function readSettings(
	words: readonly string[],
	mayTakeAway: boolean,
	schema: z.ZodType = diskSchema,
	example = schema === diskSchema ? "limit.iops=5000" : "quota=10G",
): Settings {
	const keys: ReadonlyMap<string, z.ZodType> = new Map(keysOf(schema, ""));
	const settings: Settings = {};
	const given = new Set<string>();
	for (const word of words) {
		const at = word.indexOf("=");
		if (at <= 0) throw new OperatorError(`${quote(word)}: KEY=VALUE is expected here, as in ${example}`);
		const [key, text] = [word.slice(0, at), word.slice(at + 1)];
		const known = keys.get(key);
		if (known === undefined) throw new OperatorError(unknownName("key", key, [...keys.keys()]));
		for (const other of given)
			if (other === key || other.startsWith(`${key}.`) || key.startsWith(`${other}.`))
				throw new OperatorError(`${quote(word)}: ${other} is given already`);
		given.add(key);
		if (text === "" && !mayTakeAway) throw new OperatorError(`${quote(word)}: a value is expected`);
		put(settings, key.split("."), text === "" ? null : readValue(key, known, text));
	}
	return settings;
}

function put(settings: Settings, path: readonly string[], value: unknown): void {
	const [key = "", ...rest] = path;
	if (rest.length === 0) settings[key] = value;
	else {
		settings[key] ??= {};
		put(settings[key] as Settings, rest, value);
	}
}

function readValue(key: string, schema: z.ZodType, text: string): unknown {
	const value = plainValue(key, schema, text);
	const { error } = schema.safeParse(value);
	const [issue] = error?.issues ?? [];
	if (issue !== undefined)
		throw new OperatorError(issue.message.startsWith(`${key} `) ? issue.message : `${key}: ${issue.message}`);
	return value;
}

/** As a file has it: a list may be words with commas in between, and a text needs no quotes. */
function plainValue(key: string, schema: z.ZodType, text: string): unknown {
	if (/^["'[{]/.test(text)) return tomlValue(key, text);
	const plain = plainSchema(schema);
	if (plain instanceof z.ZodArray) return text.split(",");
	if (plain instanceof z.ZodBoolean) {
		if (text === "true" || text === "false") return text === "true";
		throw new OperatorError(`${key} ${quote(text)}: true or false is allowed`);
	}
	if (plain instanceof z.ZodNumber) {
		if (/^-?[0-9]{1,15}$/.test(text)) return Number(text);
		throw new OperatorError(`${key} ${quote(text)}: a number is allowed`);
	}
	if (plain instanceof z.ZodObject)
		throw new OperatorError(
			`${key} ${quote(text)}: this is a table; give its keys, as in ${key}.${Object.keys(plain.shape)[0]}=`,
		);
	return text;
}

/** What is written, before it is understood. */
function plainSchema(schema: z.ZodType): z.ZodType {
	if (schema instanceof z.ZodOptional) return plainSchema(schema.unwrap() as z.ZodType);
	if (schema instanceof z.ZodPipe) return plainSchema(schema.in as z.ZodType);
	return schema;
}

function tomlValue(key: string, text: string): unknown {
	try {
		return parse(`value = ${text}`).value;
	} catch (error) {
		if (!(error instanceof TomlError)) throw error;
		throw new OperatorError(`${key} ${quote(text)}: this is no value of TOML`);
	}
}
