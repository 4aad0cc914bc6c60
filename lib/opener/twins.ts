/**
 * Disks that have one file by several names (links, names of a device). Where one of two writes, only one can be served, and which one
 * must not be chance: it is the first of the configuration, whichever worker asks first. The locks alone would keep the second
 * away, but not tell which that is. Asked by `answers.ts` for each file that is opened; `vblade check` warns by the same rule.
 */

import { type Found, Looks } from "../block/looks.js";
import { OperatorError } from "../errors.js";
import { Errno, isNativeError } from "../native.js";
import type { DiskConfig } from "../spec/configuration.js";
import { clash, type FilePart } from "../spec/conflicts.js";
import { shownPlace } from "../spec/place.js";
import { SECTOR_BYTES } from "../wire/sector.js";
import type { OpenRequest } from "./messages.js";

/** What those are refused with that come second: a lock on a file, or a device that is held. */
const LOCKED: readonly number[] = [Errno.EAGAIN, Errno.EBUSY];
/** Nobody waits longer for a disk that may hang: then the locks decide. */
const LOOK_LIMIT_MS = 500;

export class Twins {
	readonly #looks = new Looks();
	#found: ReadonlyMap<string, Found> = new Map();
	/** Disks by what identifies their files, in the order of the configuration. */
	#groups: ReadonlyMap<string, readonly DiskConfig[]> = new Map();
	#looked: Promise<void> = Promise.resolve();

	/** These are configured from now on. What their files are is looked at, and not waited for here. */
	take(disks: readonly DiskConfig[]): void {
		const last = this.#looked;
		this.#looked = this.#look(disks, last);
	}

	async #look(disks: readonly DiskConfig[], last: Promise<void>): Promise<void> {
		const paths = disks.flatMap(({ disk: { storage } }) => (storage.kind === "file" ? [storage.path] : []));
		const now = await this.#looks.look(paths, LOOK_LIMIT_MS);
		await last;
		const before = this.#found;
		// Of one that does not answer at present holds what it was.
		this.#found = new Map(
			paths.flatMap((path) => {
				const found = now.get(path) ?? before.get(path);
				return found === undefined ? [] : [[path, found]];
			}),
		);
		this.#groups = groupsOf(disks, this.#found);
	}

	/** Throws an OperatorError if a disk that comes first has the same file by another name, and one of the two writes. */
	async refuse(request: OpenRequest): Promise<void> {
		await this.#looked;
		const { path } = request;
		const found = this.#found.get(path) ?? (await this.#looks.look([path], LOOK_LIMIT_MS)).get(path);
		if (found?.kind !== "storage") return;
		const first = firstOf(this.#groups.get(found.identity) ?? [], path, partOf(request));
		if (first === undefined || !(await this.#isStill(found.identity, path, pathOf(first)))) return;
		throw new OperatorError(`${path}: ${twinText(first)}`);
	}

	/**
	 * Throws an OperatorError in place of an error that says that the file is locked, if that is because a disk is served that comes after
	 * this one: it goes on, and after a restart it is the other way round.
	 */
	async explain(request: OpenRequest, error: unknown, isOpened: (path: string) => boolean): Promise<void> {
		if (!isNativeError(error) || !LOCKED.includes(error.errno)) return;
		const { path } = request;
		const found = this.#found.get(path);
		if (found?.kind !== "storage") return;
		const group = this.#groups.get(found.identity) ?? [];
		const other = group.find(
			(disk) => pathOf(disk) !== path && clash(disk.disk, partOf(request)) && isOpened(pathOf(disk)),
		);
		if (other !== undefined) throw new OperatorError(`${path}: ${servedText(other)}`);
	}

	/** Links may have been changed since. */
	async #isStill(identity: string, ...paths: readonly string[]): Promise<boolean> {
		const now = await this.#looks.look(paths, LOOK_LIMIT_MS);
		return paths.every((path) => {
			const found = now.get(path) ?? this.#found.get(path);
			return found?.kind === "storage" && found.identity === identity;
		});
	}
}

/** Disks by what identifies their files. */
export function groupsOf(
	disks: readonly DiskConfig[],
	found: ReadonlyMap<string, Found>,
): ReadonlyMap<string, readonly DiskConfig[]> {
	const groups = new Map<string, DiskConfig[]>();
	for (const disk of disks) {
		const file = found.get(pathOf(disk));
		if (file?.kind !== "storage") continue;
		const group = groups.get(file.identity);
		if (group === undefined) groups.set(file.identity, [disk]);
		else group.push(disk);
	}
	return groups;
}

/** Of those that have one file: the first before the disk that has `part` of it by that path, if they can't both be served. */
export function firstOf(group: readonly DiskConfig[], path: string, part: FilePart): DiskConfig | undefined {
	const isIts = (disk: DiskConfig): boolean => pathOf(disk) === path;
	const exact = group.findIndex((disk) => isIts(disk) && isSame(disk.disk, part));
	// Changed by a command since it was configured: it is where it was.
	const own = exact >= 0 ? exact : group.findIndex(isIts);
	const before = own >= 0 ? group.slice(0, own) : group;
	return before.find((disk) => !isIts(disk) && clash(disk.disk, part));
}

/** What is told of the one that is not served. */
export function twinText({ name, placeOf }: DiskConfig): string {
	return `is the file of disk ${name} (${shownPlace(placeOf(["file"]))}) too, which comes first, and one of them may write`;
}

function servedText({ name, placeOf }: DiskConfig): string {
	const where = shownPlace(placeOf(["file"]));
	return `is the file of disk ${name} (${where}) too, which is served until it is closed; after a restart it is this one, which comes first`;
}

function isSame(one: FilePart, other: FilePart): boolean {
	return (
		one.readOnly === other.readOnly &&
		one.offsetSectors === other.offsetSectors &&
		one.lengthSectors === other.lengthSectors
	);
}

function pathOf({ disk: { storage } }: DiskConfig): string {
	return storage.kind === "file" ? storage.path : "";
}

function partOf({ readOnly, beginBytes, lengthBytes }: OpenRequest): FilePart {
	return {
		readOnly,
		offsetSectors: beginBytes / SECTOR_BYTES,
		lengthSectors: lengthBytes === 0 ? undefined : lengthBytes / SECTOR_BYTES,
	};
}
