/** Sizes and quotas that volumes can have, and names of snapshots. Asked by `administration.ts`. */

import { OperatorError } from "../errors.js";
import { SIZES_BELOW } from "../spec/ranges.js";
import { quote, sizeText } from "../text.js";
import { isPageSize, isVolumeSize } from "./bounds.js";
import { checkName, type Snapshot, type Volume } from "./catalog.js";
import type { PoolWorld } from "./folder.js";

export interface NamedSnapshot {
	readonly volume: string;
	readonly name: string;
}

export interface WantedSnapshot extends NamedSnapshot {
	/** What the pool that it was received from calls it. */
	readonly from?: string;
}

/** Throws an OperatorError unless all of them can be taken. */
export function checkWanted(wanted: readonly WantedSnapshot[], find: (volume: string) => Volume): void {
	const asked = new Set<string>();
	const taken = new Map<string, ReadonlySet<string>>();
	for (const { volume, name } of wanted) {
		checkName("snapshot", name);
		const names = taken.get(volume) ?? namesOf(find(volume));
		taken.set(volume, names);
		if (names.has(name))
			throw new OperatorError(`volume ${quote(volume)}: has a snapshot ${quote(name)} already`);
		if (asked.has(`${volume}@${name}`)) throw new OperatorError(`${volume}@${name}: is asked for twice`);
		asked.add(`${volume}@${name}`);
	}
}

/** Throws an OperatorError unless a volume can go on as another one. */
export function checkReplaced(volume: Volume, by: Volume): void {
	const { name } = volume;
	if (volume.line === by.line) throw new OperatorError(`volume ${quote(name)}: can't be replaced by itself`);
	const names = namesOf(volume);
	const twice = by.snapshots.find((one) => names.has(one.name));
	if (twice !== undefined)
		throw new OperatorError(`volume ${quote(name)}: has a snapshot ${quote(twice.name)} already`);
	if (volume.pageBytes !== by.pageBytes)
		throw new OperatorError(`volume ${quote(name)}: has other pages than ${quote(by.name)}`);
}

function namesOf({ snapshots }: Volume): ReadonlySet<string> {
	return new Set(snapshots.map(({ name }) => name));
}

/** `moment-20261125T100000Z` */
export function momentName(timeUs: number): string {
	const iso = new Date(timeUs / 1000).toISOString().slice(0, 19);
	return `moment-${iso.replaceAll(/[-:]/g, "")}Z`;
}

export function freeName(volume: Volume, wanted: string): string {
	const taken = namesOf(volume);
	for (let number = 2, name = wanted; ; name = `${wanted}-${number++}`) if (!taken.has(name)) return name;
}

/** Throws an OperatorError if it can only be read. */
export function checkChanged({ onlyRead, folder }: Pick<PoolWorld, "onlyRead" | "folder">): void {
	if (onlyRead !== undefined) throw new OperatorError(`${folder.path}: ${onlyRead}`);
}

export function checkPage(pageBytes: number): void {
	if (isPageSize(pageBytes)) return;
	throw new OperatorError(`page ${pageBytes}: a power of two from 512 to 256K is allowed`);
}

export function checkSize(name: string, sizeBytes: number): void {
	if (isVolumeSize(sizeBytes)) return;
	throw new OperatorError(
		`volume ${quote(name)}: its size must be a multiple of 512 bytes, not 0, and less than ${SIZES_BELOW}`,
	);
}

export function checkShrunk({ name, pageBytes }: Volume, sizeBytes: number, mayShrink: boolean): void {
	if (!mayShrink) throw new OperatorError(`volume ${quote(name)}: is larger than that; --shrink cuts it off`);
	if (sizeBytes % pageBytes !== 0)
		throw new OperatorError(`volume ${quote(name)}: shrinks to whole pages of ${pageBytes} bytes`);
}

export function checkQuota(name: string, usedBytes: number, quotaBytes: number): void {
	if (usedBytes <= quotaBytes) return;
	throw new OperatorError(
		`volume ${quote(name)}: holds ${sizeText(usedBytes)} already, more than a quota of ${sizeText(quotaBytes)}`,
	);
}

/** Those of a volume that are to go. */
export function checkReleased(volume: string, snapshots: readonly Snapshot[]): void {
	const held = snapshots.find(({ isHeld }) => isHeld);
	if (held !== undefined)
		throw new OperatorError(`${volume}@${held.name}: is held; vblade volume release ends that`);
}
