/** Bugs that are planted in a pool, to see that they are found: each is there until what is returned is called. For `crash.test.ts`. */

import { NodeLog } from "../../lib/pool/node-log.js";

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
