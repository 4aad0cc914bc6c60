/** Whether who has a pool in an object store may answer anything, as `lease-layer.ts` asks. Made by `head-keepers.ts`. */

import type { HeadKeeper } from "./head-keeper.js";
import type { AnswerLease } from "./lease-layer.js";

/** `keeper`: null until it is had. `id`: who that is, of this life of a process. `isNew`: another host has had it until just now. */
export function answerLease(keeper: () => HeadKeeper | null, id: string, isNew: () => boolean): AnswerLease {
	return {
		get mayAnswer() {
			return keeper()?.mayAcknowledge === true;
		},
		get epoch() {
			return keeper()?.epoch ?? 0;
		},
		get isNew() {
			return isNew();
		},
		get isHandedOver() {
			return keeper()?.before?.heir?.id === id;
		},
		get hasEnded() {
			return keeper()?.end !== null;
		},
		whenMay: (waiter) => (keeper() === null ? waiter() : keeper()?.whenMay(waiter)),
	};
}
