/** Bugs that are planted in a pool's owner, to see that they are found: each is there until what is returned is called. For `owner-sim.test.ts`. */

import { Lease } from "../../../lib/pool/store/lease.js";
import { Permission } from "../../../lib/pool/store/permission.js";
import { SuperblockSwaps } from "../../../lib/pool/store/superblock-swaps.js";

/** Has a method be another one. */
function planted<Of extends object, Name extends keyof Of>(of: Of, name: Name, by: Of[Name]): () => void {
	const before = Object.getOwnPropertyDescriptor(of, name)!;
	Object.defineProperty(of, name, { configurable: true, writable: true, value: by });
	return () => Object.defineProperty(of, name, before);
}

const { renewed } = Lease.prototype;
const { judged, goOnFrom } = SuperblockSwaps.prototype;
const { look } = Permission.prototype;

export const OWNER_PLANTS = {
	"the lease is counted from the answer": () =>
		planted(Lease.prototype, "renewed", function (this: Lease) {
			renewed.call(this, this.elapsed());
		}),
	"a swap without an answer is repeated, whatever is there": () =>
		planted(SuperblockSwaps.prototype, "judged", function (this: SuperblockSwaps<unknown>, current) {
			const { standing } = this;
			const found = judged.call(this, current);
			// Who has asked for something asks for it again.
			if (found.outcome !== "others" || current === null || standing === null || this.open.length === 0)
				return found;
			goOnFrom.call(this, current);
			Object.assign(this.standing!.superblock, {
				epoch: standing.superblock.epoch,
				owner: standing.superblock.owner,
			});
			return { outcome: "open", trouble: "repeated" };
		}),
	"there is no margin": () => planted(Lease, "marginMs", () => 0),
	"acknowledged before it is promised": () => planted(Permission.prototype, "covers", () => true),
	"acknowledged while somebody may take it": () =>
		planted(Permission.prototype, "look", function (this: Permission, possible) {
			look.call(
				this,
				possible.slice(0, 1).map(({ heir: _, ...rest }) => rest),
				false,
			);
		}),
} as const satisfies Record<string, () => () => void>;
