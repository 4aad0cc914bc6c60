/**
 * Opens what a pool has in an object store: who has the superblock reads the image, and what is here is gone on with if the superblock says that it is what the
 * image was last changed from. Else it is nothing, unless it has what was never brought there. Called by `store-folder.ts`.
 */

import type { BlockDevice } from "../../block/device.js";
import { BlockOp } from "../../block/request.js";
import { OperatorError } from "../../errors.js";
import { sizeText } from "../../text.js";
import { fileNumber } from "../folder.js";
import { HEAD_FILE_BYTES } from "../head.js";
import { run } from "../run.js";
import { IMAGE_BLOCK_BYTES, PIECE_BLOCKS } from "./layout.js";
import { type LocalRow, LocalTable, TABLE_NAME } from "./local-table.js";
import type { Lacks } from "./options.js";
import { type FilesOptions, StoredFiles } from "./stored-files.js";
import { readImage } from "./stored-image.js";

export interface StoredFilesOptions extends FilesOptions {
	readonly isNew: boolean;
	readonly table: BlockDevice;
	/** Where the pool's head is here. */
	readonly head: BlockDevice;
}

/** Throws an OperatorError, a FailedError or an ObjectError: then nothing is open. */
export async function openStored(options: StoredFilesOptions): Promise<StoredFiles> {
	const { keepers, isNew, store, allocate, local, path, content } = options;
	const table = new LocalTable(options.table, `${path}/${TABLE_NAME}`, allocate);
	const here = await table.owner();
	const names = (await local.list()).map(fileNumber).filter((number) => number !== undefined);
	const lacks = here && lacksBy(options, here, await unstoredIn(table, Math.max(-1, ...names) + 1));
	const keeper = isNew ? await keepers.create() : await keepers.acquire(here?.life ?? "", lacks);
	const image = await readImage(store, keeper.pool, keeper.image);
	const most = (keeper.image.files ?? 0) - 1;
	const count = Math.max(most, ...names, ...image.files) + 1;
	const rows = new Map<number, LocalRow>();
	if (here !== undefined) await table.read(count, (file, row) => rows.set(file, row));
	const goesOn = here !== undefined && here.pool === keeper.pool && here.life === keeper.image.life;
	if (!goesOn) {
		// (Whoever reads alone has not asked.)
		const lack = lacks?.(keeper);
		if (lack !== undefined) throw new OperatorError(`${options.path}: ${lack}`);
		rows.clear();
		// (First, so that whenever it is broken off what is here by then counts only if all of it is.)
		content.bytes.fill(0);
		content.bytes.set(Buffer.from(keeper.image.head, "base64").subarray(0, HEAD_FILE_BYTES));
		await run(options.head, BlockOp.write, 0, HEAD_FILE_BYTES, content, path);
		await run(options.head, BlockOp.flush, 0, 0, undefined, path);
		const life = options.identifier(16);
		await table.begin({ pool: keeper.pool, life });
		// Before anything is written here: whoever was here before knows then that he is not any more.
		await keeper.write((now) => ({ ...now, life }));
	}
	return new StoredFiles(options, { table, keeper, image, count, rows, there: new Set(names) });
}

/** So many bytes may be on this host alone. */
async function unstoredIn(table: LocalTable, count: number): Promise<number> {
	let pieces = 0;
	await table.read(count, (_file, { intent }) => {
		for (const word of intent) pieces += bitsIn(word);
	});
	return pieces * PIECE_BLOCKS * IMAGE_BLOCK_BYTES;
}

/** What was acknowledged, and is here and nowhere else, is not thrown away: so it is known before anybody waits for a host that would have to. */
function lacksBy(
	{ local }: Pick<StoredFilesOptions, "local">,
	here: { readonly pool: string; readonly life: string },
	bytes: number,
): Lacks {
	const most = `up to ${bytes} bytes (${sizeText(bytes)})`;
	return (there) => {
		if (bytes === 0) return undefined;
		// (Of another pool nobody knows here what was promised.)
		if (here.pool !== there.pool)
			return `in ${local.path} is another pool, with ${most} that may not be in its store; name another directory as log`;
		if (!there.isGivenUp(here.life)) return undefined;
		return `another host has gone on with it, and in ${local.path} are ${most} that may not be in the store; move that directory away, where a pool with a tail has them (docs/object-stores.md), or have them forgotten where it is open: vblade pool takeover --forget`;
	};
}

function bitsIn(word: number): number {
	let bits = 0;
	for (let rest = word >>> 0; rest !== 0; rest &= rest - 1) bits++;
	return bits;
}
