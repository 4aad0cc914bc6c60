/** The reader of numbers that an operator writes, for the other readers of this room: `values.ts` has the rest. */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import type { NumberForm } from "./ranges.js";

/** A decimal number, digits only, in the range of what it stands for. */
export function readNumber(what: string, text: string, { min, max, called, fraction }: NumberForm): number {
	const digits = fraction ? /^[0-9]+(\.[0-9]+)?$/ : /^[0-9]+$/;
	const value = digits.test(text) ? Number(text) : Number.NaN;
	if (value >= min && value <= max) return value;
	const range = `a number from ${min} to ${max}`;
	const allowed = called === undefined ? `${range} is allowed` : `${called} is ${range}`;
	throw new OperatorError(`${what} ${quote(text)}: ${allowed}`);
}
