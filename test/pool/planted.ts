/**
 * Bugs that are planted in a pool, to see that they are found: each is there until what is returned is called. For `crash.test.ts`, and those of
 * cleaning and history for `whole.long.ts`.
 */

import { CleanerStorage } from "../../lib/pool/cleaner-storage.js";
import { Head } from "../../lib/pool/head.js";
import { LineageFeed } from "../../lib/pool/map/lineage-feed.js";
import { NodeLog } from "../../lib/pool/node-log.js";
import { NodePlaces } from "../../lib/pool/node-places.js";
import { Slots } from "../../lib/pool/space/slots.js";
import { Windows } from "../../lib/pool/space/windows.js";

/** Has a method be another one. */
export function planted<Of extends object, Name extends keyof Of>(
	of: Of,
	name: Name,
	by: Of[Name],
): () => void {
	const before = Object.getOwnPropertyDescriptor(of, name)!;
	Object.defineProperty(of, name, { configurable: true, writable: true, value: by });
	return () => Object.defineProperty(of, name, before);
}

/** Where space has to come back. */
export const SPACE_PLANTS = {
	"moved pages are not synced": () => planted(CleanerStorage.prototype, "sync", async () => {}),
	"a window moves past what is looked at": () =>
		planted(Windows.prototype, "edge", function (this: Windows, policy, nowUs) {
			const { holdBack } = this;
			this.holdBack = Number.POSITIVE_INFINITY;
			const edge = EDGE.call(this, policy, nowUs);
			this.holdBack = holdBack;
			return edge;
		}),
	"slots that nodes were moved from are used again at once": () => {
		const { move } = NodePlaces.prototype;
		return planted(NodePlaces.prototype, "move", function (this: NodePlaces, ...args) {
			const isOver = planted(Slots.prototype, "emptied", function (this: Slots, slot) {
				EMPTIED.call(this, slot);
				this.settle(Number.POSITIVE_INFINITY);
			});
			move.apply(this, args);
			isOver();
		});
	},
	"what died later is in a checkpoint": () => planted(LineageFeed.prototype, "freeze", () => {}),
} as const satisfies Record<string, () => () => void>;

/** What only shows when the newer copy of the head is lost. */
export const HEAD_PLANTS = {
	"the head is written in one copy only": () =>
		planted(Head.prototype, "write", async function (this: Head, changes) {
			const isSecond = Object.keys(changes).every((key) => key === "stable" || key === "slots");
			if (!isSecond) await WRITE.call(this, changes);
		}),
} as const satisfies Record<string, () => () => void>;

const WRITE = Head.prototype.write;
const EDGE = Windows.prototype.edge;
const EMPTIED = Slots.prototype.emptied;

export const PLANTS = {
	"the head names a checkpoint before its nodes are written": () => {
		const { flush } = NodeLog.prototype;
		NodeLog.prototype.flush = async function (this: NodeLog) {
			setImmediate(() => flush.call(this).catch(() => {}));
		};
		return () => {
			NodeLog.prototype.flush = flush;
		};
	},
	"nodes are written and not synced": () => {
		const { sync } = NodeLog.prototype;
		NodeLog.prototype.sync = async () => {};
		return () => {
			NodeLog.prototype.sync = sync;
		};
	},
} as const satisfies Record<string, () => () => void>;
