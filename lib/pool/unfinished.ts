/**
 * Volumes that are being filled, by their names: `web.part` is to become `web`, and `web.part.state` keeps how far it is. What is kept of one that
 * is gone would have the next attempt go on in the middle of nothing, so both go together. Used by `administration.ts`, by what leaves such
 * volumes alone, and by who fills them.
 */

const UNFINISHED = /^[^@]*\.part(\.state)?$/;

export function isUnfinished(name: string): boolean {
	return UNFINISHED.test(name);
}

export function partName(name: string): string {
	return `${name}.part`;
}

/** Of a volume that is being filled: what the one is called that keeps how far it is. */
export function stateOf(part: string): string | undefined {
	return part.endsWith(".part") ? `${part}.state` : undefined;
}
