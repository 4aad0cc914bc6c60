/**
 * Whether the opener would open what a disk is made of, asked before a change is taken: what it will refuse is better refused at once
 * than tried for ever. The opener is the judge, by root's files; here it is only asked, and what it says points to the key. Used by
 * `changes.ts`.
 */

import type { DiskConfig } from "../spec/configuration.js";
import { aoeExportsOf, iscsiExportOf, secretFilesOf } from "../spec/exports.js";
import { pointerTo, Refusal } from "./problem.js";
import type { Opener } from "./seams.js";

/** Throws a Refusal if the opener won't open what `before` did not have. */
export async function demandPermits(
	opener: Pick<Opener, "whyNotFile" | "whyNotLink" | "whyNotSecret">,
	disk: DiskConfig,
	before: DiskConfig | undefined,
): Promise<void> {
	const { storage, readOnly } = disk.disk;
	if (storage.kind === "file" && !hasFile(before, storage.path, readOnly))
		demand(["file"], await opener.whyNotFile(storage.path, readOnly));
	const known = linksOf(before);
	for (const link of linksOf(disk))
		if (!known.has(link)) demand(["aoe", "netif"], await opener.whyNotLink(link));
	const secrets = secretsOf(before);
	for (const file of secretsOf(disk))
		if (!secrets.has(file)) demand(["iscsi", "chap"], await opener.whyNotSecret(file));
}

function demand(key: readonly string[], why: string | undefined): void {
	if (why !== undefined) throw new Refusal(422, why, { errors: [{ pointer: pointerTo(key), detail: why }] });
}

/** One that is served goes on, whatever has become of the files. */
function hasFile(disk: DiskConfig | undefined, path: string, readOnly: boolean): boolean {
	if (disk === undefined) return false;
	const { storage } = disk.disk;
	return storage.kind === "file" && storage.path === path && (readOnly || !disk.disk.readOnly);
}

/** Those that only the opener can make. */
function linksOf(disk: DiskConfig | undefined): ReadonlySet<string> {
	const netifs = aoeExportsOf(disk?.exports ?? []).flatMap((each) => each.netifs);
	return new Set(
		netifs.flatMap((netif) => {
			if (netif.kind === "unix") return [`unix:${netif.path}`];
			return netif.kind === "gre" ? [`gre:${netif.peer}`] : [];
		}),
	);
}

/** Files of secrets that its initiators have to know. */
function secretsOf(disk: DiskConfig | undefined): ReadonlySet<string> {
	const chap = iscsiExportOf(disk?.exports ?? [])?.chap;
	return new Set(chap === undefined ? [] : secretFilesOf(chap));
}
