/** What pools have for a path that have none, since they are on disks, or on an object store. Used by whoever has to tell them from the others. */

const ON_DISKS = "disks:";

/** What a pool that is on disks has for a path: it stays the same whichever these are. */
export function onDisks(name: string): string {
	return `${ON_DISKS}${name}`;
}

/** Its name; undefined of one that is in a directory, or on a device. */
export function poolOnDisks(path: string): string | undefined {
	return path.startsWith(ON_DISKS) ? path.slice(ON_DISKS.length) : undefined;
}

const IN_STORE = "store:";

/** A pool on an object store, by its name, as it is configured: another one is opened as another pool. */
export interface StoredPool {
	readonly name: string;
	readonly fingerprint: string;
	/** Both hosts serve it. */
	readonly isShared?: boolean;
}

/** What a pool that is on an object store has for a path. */
export function inStore({ name, fingerprint, isShared = false }: StoredPool): string {
	return `${IN_STORE}${name}#${fingerprint}${isShared ? "+both" : ""}`;
}

/** Undefined of one that is elsewhere. */
export function poolInStore(path: string): StoredPool | undefined {
	const [, name, fingerprint, both] = /^store:([^#]+)#([0-9a-f]+)(\+both)?$/.exec(path) ?? [];
	if (name === undefined || fingerprint === undefined) return undefined;
	return { name, fingerprint, ...(both !== undefined && { isShared: true }) };
}

/** What commands call a pool in a store, of a shown path; undefined of one that is elsewhere. */
export function nameInStore(shown: string): string | undefined {
	return shown.startsWith(IN_STORE) ? shown.slice(IN_STORE.length) : undefined;
}

/** That there is none, of a shown path, and of one in a store how there comes to be one. */
export function noPoolText(shown: string): string {
	const name = nameInStore(shown);
	return `${shown}: is no pool${name === undefined ? "" : ` yet: vblade pool create ${name} makes one, unless it is to come there as a replica`}`;
}

/** For people: nothing that only tells it from what it was. */
export function shownPoolPath(path: string): string {
	const stored = poolInStore(path);
	return stored === undefined ? path : `${IN_STORE}${stored.name}`;
}
