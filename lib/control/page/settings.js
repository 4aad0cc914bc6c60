/**
 * Settings of a disk as data: what a form's entries come to, which of them are new, how two of them differ, in words. No elements; used
 * by forms and changes.
 */

/** @typedef {Record<string, unknown>} Settings */

/** @param {unknown} value @returns {value is Settings} */
function isTable(value) {
	return typeof value === "object" && value !== null && !Array.isArray(value);
}

/**
 * The merge patch (RFC 7396) that makes one of the other.
 * @param {Settings} before
 * @param {Settings} after
 * @returns {Settings}
 */
export function patchOf(before, after) {
	/** @type {Settings} */
	const patch = {};
	for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
		const [old, now] = [before[key], after[key]];
		if (JSON.stringify(old) === JSON.stringify(now)) continue;
		if (now === undefined) patch[key] = null;
		else if (isTable(old) && isTable(now)) {
			const inner = patchOf(old, now);
			if (Object.keys(inner).length > 0) patch[key] = inner;
		} else patch[key] = now;
	}
	return patch;
}

/**
 * A line for each key that differs.
 * @param {Settings} before
 * @param {Settings} after
 * @returns {string[]}
 */
export function differencesOf(before, after, prefix = "") {
	return [...new Set([...Object.keys(before), ...Object.keys(after)])].flatMap((key) => {
		const [old, now] = [before[key], after[key]];
		if (isTable(old) || isTable(now))
			return differencesOf(isTable(old) ? old : {}, isTable(now) ? now : {}, `${prefix}${key}.`);
		if (JSON.stringify(old) === JSON.stringify(now)) return [];
		return [`${prefix}${key} ${shown(old)} -> ${shown(now)}`];
	});
}

/** @param {unknown} value */
function shown(value) {
	return value === undefined ? "(default)" : JSON.stringify(value);
}
