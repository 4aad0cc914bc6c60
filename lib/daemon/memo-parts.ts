/**
 * A memo as one object of JSON, of which each protocol has its own keys: what AoE's initiators have set is as it was before there were others, and what SCSI has to keep
 * is under `scsi`. Who changes its own leaves those of others. Used by `blade-access.ts` and `unit-keeping.ts`.
 */

import type { Memo } from "../block/memo.js";
import { storedJson } from "../pool/stored-json.js";

type Parts = Readonly<Record<string, unknown>>;

/** What is on its way, of memos that are being changed. */
const underWay = new WeakMap<Memo, { parts: Parts; count: number }>();

/** Nothing, if there is nothing that this version knows. */
export function partsIn(memo: Memo): Parts {
	const parts = memo.text === undefined ? undefined : storedJson(memo.text);
	return typeof parts === "object" && parts !== null && !Array.isArray(parts) ? (parts as Parts) : {};
}

/** Resolves when it is on stable storage; rejects with an OperatorError if that is not sure. */
export async function keepParts(memo: Memo, own: Parts): Promise<void> {
	const changing = underWay.get(memo) ?? { parts: partsIn(memo), count: 0 };
	changing.parts = { ...changing.parts, ...own };
	changing.count += 1;
	underWay.set(memo, changing);
	try {
		await memo.keep(JSON.stringify(changing.parts));
	} finally {
		changing.count -= 1;
		if (changing.count === 0) underWay.delete(memo);
	}
}
