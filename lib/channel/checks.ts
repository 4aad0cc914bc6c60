/**
 * Whether what has come through a channel is what it should be, piece by piece: for those who must not trust the other end, since somebody
 * may have taken it over. A check is put together of others once, and costs a few comparisons each time. Used by the opener, by control
 * and by workers for what they are asked and told.
 */

export type Check = (value: unknown) => boolean;

export const isFlag: Check = (value) => typeof value === "boolean";

export const isText =
	(longest: number): Check =>
	(value) =>
		typeof value === "string" && value.length <= longest;

/** A whole number from 0. */
export const isCount =
	(max: number): Check =>
	(value) =>
		Number.isInteger(value) && Number(value) >= 0 && Number(value) <= max;

export const isOneOf =
	(values: readonly unknown[]): Check =>
	(value) =>
		values.includes(value);

export const isEither =
	(one: Check, other: Check): Check =>
	(value) =>
		one(value) || other(value);

export const isNull: Check = (value) => value === null;
/** As JSON has it: it is not there. */
export const isMissing: Check = (value) => value === undefined;

export const isList =
	(of: Check, most: number): Check =>
	(value) =>
		Array.isArray(value) && value.length <= most && value.every((each) => of(each));

/** An object with names of its own. */
export const isTable =
	(of: Check, most: number, longestName: number): Check =>
	(value) => {
		if (typeof value !== "object" || value === null || Array.isArray(value)) return false;
		const entries = Object.entries(value);
		return entries.length <= most && entries.every(([name, each]) => name.length <= longestName && of(each));
	};

/** An object with these fields; what else it has nobody looks at. */
export function isShape(fields: Readonly<Record<string, Check>>): Check {
	const checks = Object.entries(fields);
	return (value) => {
		if (typeof value !== "object" || value === null) return false;
		for (const [name, isRight] of checks)
			if (!isRight((value as Readonly<Record<string, unknown>>)[name])) return false;
		return true;
	};
}
