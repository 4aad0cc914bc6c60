/** What may be lost of a pool's head: the newer one of its copies, as long as the other one is whole. For tests that cut the power. */

import { BlockOp } from "../../lib/block/request.js";
import { BLOCK_BYTES } from "../../lib/pool/format.js";
import { decodeHead } from "../../lib/pool/head.js";
import { run } from "../../lib/pool/run.js";
import { type MemoryFolder, peek, poke } from "./memory-folder.js";

/** False if there is no other one. */
export async function loseNewerHead(folder: MemoryFolder): Promise<boolean> {
	const bytes = await peek(folder, "head", 0, 2 * BLOCK_BYTES);
	const [one, other] = [0, BLOCK_BYTES].map((at) => decodeHead(bytes.subarray(at, at + BLOCK_BYTES), "head"));
	if (one === undefined || other === undefined) return false;
	const at = one.generation > other.generation ? 0 : BLOCK_BYTES;
	await poke(folder, "head", at, new Uint8Array(BLOCK_BYTES));
	await run(folder.files.get("head")!, BlockOp.flush, 0, 0, undefined, "head");
	return true;
}
