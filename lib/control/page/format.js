/**
 * Figures and times in words for people, each with its unit. Used by all views.
 */

const NONE = "–";

/** At most three digits that count. @param {number} value */
function short(value) {
	if (value === 0) return "0";
	const text = value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
	return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

/** @param {number | null | undefined} seconds */
export function latency(seconds) {
	if (seconds === null || seconds === undefined) return NONE;
	if (seconds < 0.001) return `${Math.round(seconds * 1e6)} µs`;
	return seconds < 1 ? `${short(seconds * 1000)} ms` : `${short(seconds)} s`;
}

/** A number of things. @param {number} value */
export function count(value) {
	return value.toLocaleString("en");
}

/** So many each second. @param {number} value */
export function rate(value) {
	if (value >= 10_000) return `${short(value / 1000)} k`;
	return value >= 10 || value === 0 ? String(Math.round(value)) : value.toFixed(1);
}

/** A size: in powers of 1024. @param {number | null | undefined} value */
export function bytes(value) {
	if (value === null || value === undefined) return NONE;
	const units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
	let size = value;
	let unit = 0;
	while (size >= 1024 && unit < units.length - 1) {
		size /= 1024;
		unit++;
	}
	return `${unit === 0 || Number.isInteger(size) ? Math.round(size) : short(size)} ${units[unit]}`;
}

/** @param {number} value */
export function byteRate(value) {
	return `${bytes(Math.round(value))}/s`;
}

/** @param {number | null} bitsPerSecond */
export function speed(bitsPerSecond) {
	if (bitsPerSecond === null) return NONE;
	return bitsPerSecond >= 1e9 ? `${bitsPerSecond / 1e9} Gbit/s` : `${bitsPerSecond / 1e6} Mbit/s`;
}

/** The time of day, with the date unless it is today's. @param {string | number | null | undefined} moment */
export function time(moment) {
	if (moment === null || moment === undefined) return NONE;
	const date = new Date(moment);
	const clock = date.toLocaleTimeString("en-GB");
	return date.toDateString() === new Date().toDateString()
		? clock
		: `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())} ${clock}`;
}

/** @param {number} value */
function two(value) {
	return String(value).padStart(2, "0");
}

/** How long ago. @param {string | null} moment */
export function ago(moment) {
	if (moment === null) return "never";
	const seconds = Math.max(0, Math.round((Date.now() - Date.parse(moment)) / 1000));
	if (seconds < 3) return "now";
	if (seconds < 120) return `${seconds} s ago`;
	if (seconds < 7200) return `${Math.round(seconds / 60)} min ago`;
	return seconds < 172_800
		? `${Math.round(seconds / 3600)} h ago`
		: `${Math.round(seconds / 86_400)} days ago`;
}

/** The slower of reads and writes. @param {{ readP99: number | null, writeP99: number | null }} rates */
export function worstP99({ readP99, writeP99 }) {
	return readP99 === null && writeP99 === null ? null : Math.max(readP99 ?? 0, writeP99 ?? 0);
}
