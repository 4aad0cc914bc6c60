/**
 * Which keys of the configuration don't hold yet, since they count from a start: found out by what runs, not by what was changed, so it is
 * right whichever process was started again meanwhile, and a key that is again what it was is not among them. Asked for status.
 */

import type { Started } from "../opener/messages.js";
import type { Config } from "../spec/config.js";
import type { DiskConfig } from "../spec/configuration.js";
import { differenceOf } from "../spec/difference.js";
import { aoeExportsOf } from "../spec/exports.js";
import type { LinkOptions } from "./seams.js";

/** @param links as they run */
export function restartNeeded(started: Started, config: Config, links: readonly LinkOptions[]): string[] {
	const { allow } = config.daemon;
	const wanted = { ...config, disks: [] };
	const { needsRestart } = differenceOf({ ...wanted, daemon: { ...started, allow } }, wanted);
	return [...needsRestart, ...keysOfLinks(config, links)];
}

/** A link that is open stays as it is; one that is opened, for a worker was started again, is as it shall be. */
function keysOfLinks({ disks, links }: Config, running: readonly LinkOptions[]): ReadonlySet<string> {
	const wanted = new Map(links.map((link) => [link.netif.name, link]));
	const keys = new Set<string>();
	for (const { name, pollUs, xdp } of running) {
		const link = wanted.get(name);
		if (link === undefined) continue;
		const changed = [
			...(pollUs === link.pollUs ? [] : (["poll_us"] as const)),
			...(xdp === link.xdp ? [] : (["no_xdp"] as const)),
		];
		for (const key of changed)
			for (const disk of namersOf(key, disks.filter(isOn(name)))) keys.add(`disk.${disk.name}.aoe.${key}`);
	}
	return keys;
}

const isOn =
	(link: string) =>
	({ exports }: DiskConfig): boolean =>
		aoeExportsOf(exports).some(({ netifs }) => netifs.some(({ name }) => name === link));

/** Those that name the key; if none does any more, the first of all. */
function namersOf(key: "poll_us" | "no_xdp", disks: readonly DiskConfig[]): readonly DiskConfig[] {
	const namers = disks.filter(({ values }) => values.aoe?.[key] !== undefined);
	return namers.length > 0 ? namers : disks.slice(0, 1);
}
