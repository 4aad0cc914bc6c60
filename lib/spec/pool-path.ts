/** What pools have for a path that have none, since they are on disks. Used by whoever has to tell them from the others. */

const ON_DISKS = "disks:";

/** What a pool that is on disks has for a path: it stays the same whichever these are. */
export function onDisks(name: string): string {
	return `${ON_DISKS}${name}`;
}

/** Its name; undefined of one that is in a directory, or on a device. */
export function poolOnDisks(path: string): string | undefined {
	return path.startsWith(ON_DISKS) ? path.slice(ON_DISKS.length) : undefined;
}
