/**
 * Text for people: everything we print is one line, whatever bytes a file name or an argument has. Used by the command
 * line for messages about wrong values and by the log, which also counts things here.
 */

/** Most characters of an operator's value that a message repeats. */
const QUOTE_MAX = 80;

/** Control characters, line separators of Unicode, and what makes a terminal write backwards. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is what it is for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

/** `text` with everything that would break the line, or do something to a terminal, written as an escape. */
export function oneLine(text: string): string {
	return text.replace(UNPRINTABLE, (character) => {
		const code = character.charCodeAt(0).toString(16);
		if (character === "\n") return "\\n";
		return code.length > 2 ? `\\u${code.padStart(4, "0")}` : `\\x${code.padStart(2, "0")}`;
	});
}

/** `text` in double quotes on one line, shortened if it is long: how messages name a wrong value. */
export function quote(text: string): string {
	const shown = text.length > QUOTE_MAX ? `${text.slice(0, QUOTE_MAX)}...` : text;
	return `"${oneLine(shown)}"`;
}

/** `1 blade`, `2 blades`. */
export function counted(count: number, what: string): string {
	return `${count} ${what}${count === 1 ? "" : "s"}`;
}

const UNITS = ["", "K", "M", "G", "T", "P"];

/** ISO 8601, of microseconds since 1970. */
export function timeText(timeUs: number): string {
	return new Date(timeUs / 1000).toISOString();
}

/** `0.4 s`, `12 s`: how long something has taken, of milliseconds. */
export function secondsText(milliseconds: number): string {
	const seconds = milliseconds / 1000;
	return `${Number(seconds.toFixed(seconds < 10 ? 1 : 0))} s`;
}

/** `512`, `1.5K`, `64M`: bytes in binary units, as sizes are written. */
export function sizeText(bytes: number): string {
	const unit = bytes < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log2(bytes) / 10));
	const value = bytes / 2 ** (10 * unit);
	return `${Number(value.toFixed(value < 10 ? 1 : 0))}${UNITS[unit]}`;
}
