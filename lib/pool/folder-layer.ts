/** What is put under a pool around the folder that it stands on: the same, but for how files are opened. Derived from by `failed-sync.ts` and `store/replica-folder.ts`. */

import type { BlockDevice } from "../block/device.js";
import type { Traces } from "./boot-trace.js";
import type { MendedPlace, MissingFile, PoolFolder, StoredParts } from "./folder.js";
import type { OwnImage } from "./store/own-image.js";

export abstract class FolderLayer implements PoolFolder {
	/** Not of a folder that loses none: a pool of thousands of files is not asked for each of them. */
	readonly isLost?: (name: string) => boolean;

	constructor(protected readonly folder: PoolFolder) {
		if (folder.isLost !== undefined) this.isLost = folder.isLost.bind(folder);
	}

	get copies(): number {
		return this.folder.copies ?? 1;
	}

	get path(): string {
		return this.folder.path;
	}

	get fillsAhead(): boolean {
		return this.folder.fillsAhead;
	}

	list(): Promise<readonly string[]> {
		return this.folder.list();
	}

	site(): Promise<string | undefined> {
		return this.folder.site();
	}

	abstract open(name: string): Promise<BlockDevice>;

	get traces(): Traces | undefined {
		return this.folder.traces;
	}

	get stored(): StoredParts | undefined {
		return this.folder.stored;
	}

	get ownImage(): OwnImage | undefined {
		return this.folder.ownImage;
	}

	isNothing(slot: number, offsetBytes: number, lengthBytes: number): boolean {
		return this.folder.isNothing?.(slot, offsetBytes, lengthBytes) ?? false;
	}

	freed(slot: number, release: () => void): boolean {
		return this.folder.freed?.(slot, release) ?? false;
	}

	endHolds(): void {
		this.folder.endHolds?.();
	}

	begun(again: (above: number) => Promise<number>): void {
		this.folder.begun?.(again);
	}

	async scrub(): Promise<readonly MendedPlace[]> {
		return (await this.folder.scrub?.()) ?? [];
	}

	async missing(): Promise<MissingFile | undefined> {
		return this.folder.missing?.();
	}

	most(): Promise<number | undefined> {
		return this.folder.most();
	}

	free(): Promise<number | undefined> {
		return this.folder.free();
	}

	prepare(force: boolean): Promise<void> {
		return this.folder.prepare(force);
	}

	abstract create(name: string, sizeBytes: number): Promise<BlockDevice>;
}
