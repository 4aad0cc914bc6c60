/** Cases of the block suite about writes with a guard, which what is there decides about. Run by `block-conformance.ts`. */

import { StorageStatus } from "../errors.js";
import type { BlockAssertions } from "./block-conformance-options.js";
import type { Session } from "./block-conformance-session.js";

const SECTOR = 512;

export const guardedCases: Record<string, (t: BlockAssertions, session: Session) => Promise<void>> = {
	"a write with a guard is refused, or done as a whole: many who count lose none, whatever they overlap":
		async (t, session) => {
			const before = session.pattern(8 * SECTOR);
			before.fill(0, 3 * SECTOR, 5 * SECTOR);
			await session.write(0, before);
			const refusal = await session.guardedWrite(0, SECTOR, () => undefined);
			if (refusal === StorageStatus.unsupported) return;
			t.ok(session.options.ordered, "who does not keep an order refuses it");
			t.equal(refusal, StorageStatus.ok, "a guard that does not allow it is no failure");
			const countOf = (there: Uint8Array): number => new DataView(there.buffer).getUint32(0);
			const counted = (there: Uint8Array): Uint8Array => {
				new DataView(there.buffer).setUint32(0, countOf(there) + 1);
				return there;
			};
			const statuses: Promise<StorageStatus>[] = [];
			for (let i = 0; i < 24; i++) {
				statuses.push(session.guardedWrite(3 * SECTOR, (1 + (i % 2)) * SECTOR, counted));
				statuses.push(session.guardedWrite(3 * SECTOR, SECTOR, () => undefined));
				const at = (i % 2) * 5 * SECTOR;
				statuses.push(session.write(at, before.subarray(at, at + 3 * SECTOR)));
			}
			const isOk = (status: StorageStatus): boolean => status === StorageStatus.ok;
			t.ok((await Promise.all(statuses)).every(isOk), "all are done");
			new DataView(before.buffer).setUint32(3 * SECTOR, 24);
			t.equal(await session.differsAt(0, before), -1, "each has counted once, and nothing else has changed");
			const { sizeBytes } = session.device.info;
			const beyond = await session.guardedWrite(sizeBytes, SECTOR, () => undefined);
			t.equal(beyond, StorageStatus.outOfRange, "it may not go beyond the end");
		},
};
