/** The part of the metrics that is of mirrors. Used by `metrics.ts`. */

import { escaped, type Writer } from "./metrics-writer.js";
import type { MirroredPart } from "./model.js";
import type { PartPlace } from "./seams.js";

export interface MirrorsSource {
	/** Milliseconds since 1970. */
	readonly nowMs: number;
	readonly disks: readonly { readonly name: string; readonly parts?: readonly PartPlace[] | null }[];
}

interface Mirror {
	readonly disk: string;
	readonly parts: readonly { readonly disk: string; readonly mirrored: MirroredPart }[];
}

const FAMILIES: readonly (readonly [
	name: string,
	kind: "gauge" | "counter",
	value: (part: MirroredPart, nowMs: number) => number,
	help: string,
])[] = [
	[
		"vblade_mirror_in_sync",
		"gauge",
		({ standing }) => (standing === "inSync" ? 1 : 0),
		"1: the part has all that was acknowledged.",
	],
	["vblade_mirror_lag_bytes", "gauge", ({ behindBytes }) => behindBytes, "What the part lacks at most."],
	[
		"vblade_mirror_lag_seconds",
		"gauge",
		({ since }, nowMs) => (since === null ? 0 : Math.max(0, nowMs - Date.parse(since)) / 1000),
		"For how long the part has lacked something; 0: nothing.",
	],
	[
		"vblade_mirror_errors",
		"counter",
		({ errors }) => errors,
		"Requests of the mirror that failed on the part.",
	],
	[
		"vblade_mirror_repairs",
		"counter",
		({ repairs }) => repairs,
		"Ranges that were written to the part again because they could not be read, or differed.",
	],
];

export function* aboutMirrors(writer: Writer, { disks, nowMs }: MirrorsSource): Iterable<void> {
	const mirrors = disks.flatMap(({ name, parts }): Mirror[] => {
		const mirrored = (parts ?? []).flatMap((part) =>
			part.mirrored === null ? [] : [{ disk: part.disk, mirrored: part.mirrored }],
		);
		return mirrored.length === 0 ? [] : [{ disk: name, parts: mirrored }];
	});
	if (mirrors.length === 0) return;
	writer.family("vblade_mirror_state", "gauge", "1: the part stands like this in its mirror.");
	for (const { disk, parts } of mirrors)
		for (const { disk: part, mirrored } of parts) {
			const labels = `disk="${escaped(disk)}",part="${escaped(part)}",state="${mirrored.standing}"`;
			writer.line("vblade_mirror_state", labels, 1);
			yield;
		}
	for (const [name, kind, value, help] of FAMILIES) {
		writer.family(name, kind, help);
		const line = kind === "counter" ? `${name}_total` : name;
		for (const { disk, parts } of mirrors)
			for (const part of parts) {
				const labels = `disk="${escaped(disk)}",part="${escaped(part.disk)}"`;
				writer.line(line, labels, value(part.mirrored, nowMs));
				yield;
			}
	}
}
