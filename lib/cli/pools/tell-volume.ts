/** What commands say of a volume, and sizes that they are given. Used by the commands of this folder. */

import { OperatorError } from "../../errors.js";
import type { VolumeLook } from "../../pool/looks.js";
import { sizeBytes } from "../../spec/values.js";
import { quote, sizeText } from "../../text.js";
import { type Output, putJson } from "../client.js";
import { putRows } from "./open-pool.js";

/** Throws an OperatorError. */
export function readSize(what: string, text: string): number {
	const bytes = sizeBytes(text);
	if (bytes !== undefined) return bytes;
	throw new OperatorError(
		`${what} ${quote(text)}: a number is allowed, with K, M, G or T if it is more than bytes`,
	);
}

/** Says what there is to say of a volume. */
export function tell(look: VolumeLook, asJson: boolean, output: Output): void {
	if (asJson) {
		putJson(output, look);
		return;
	}
	const rows = [
		["volume", look.name],
		["size", sizeText(look.sizeBytes)],
		["used", sizeText(look.usedBytes)],
		["page", sizeText(look.pageBytes)],
		...(look.quotaBytes === null ? [] : [["quota", sizeText(look.quotaBytes)]]),
		...(look.history === null ? [] : [["history", look.history]]),
		...Object.entries(look.keep ?? {}).map(([period, time]) => ["keep", `${period} ${time}`]),
		["created", look.created],
		["moments", `from ${look.momentsFrom}`],
		["serial", look.serial],
		["wwn", look.wwn],
	];
	for (const { name, created, held } of look.snapshots)
		rows.push(["snapshot", `${name}  ${created}${held ? "  held" : ""}`]);
	putRows(output, rows);
}
