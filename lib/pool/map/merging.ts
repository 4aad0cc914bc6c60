/**
 * Carries a merge through, a slice in each turn of the event loop, so that whoever is served waits for one slice at most. Nodes that are
 * asked for come in meanwhile, and those that were made are written out as they fill segments. Used for checkpoints and when a pool or a
 * moment is opened.
 */

import { OperatorError } from "../../errors.js";
import type { MapLayers } from "./layers.js";
import { SLICE_STEPS } from "./merge.js";
import type { NodeFault, NodeWaiter } from "./store.js";

/** Where what was made goes. */
export interface NodeOutlet {
	/** Segments that are full and in memory still. */
	readonly waiting: number;
	/** Whether there is room for what a slice makes. */
	readonly hasRoom: boolean;
	/** Where there is none: true when there is more, false if none can be had. */
	moreSlots(): Promise<boolean>;
	/** Writes them out. */
	writeOut(): Promise<void>;
}

/** Others have had their turn when it resolves. */
export type NextTurn = () => Promise<void>;

/** One who waits for a node, as a promise. */
class Awaited implements NodeWaiter {
	nextWaiter: NodeWaiter | null = null;
	#told: (() => void) | null = null;
	#isTold = false;
	#fault: NodeFault | null = null;

	nodeReady(fault: NodeFault | null): void {
		this.#isTold = true;
		this.#fault = fault;
		this.#told?.();
	}

	/** Whether it is there. */
	async wait(): Promise<boolean> {
		if (!this.#isTold)
			await new Promise<void>((resolve) => {
				this.#told = resolve;
			});
		return this.#fault === null;
	}
}

/** The answer of `ask`, which is asked again as often as it has to wait for a node; `failed`, if that can't be had: to ask again would not end. */
export async function answerOf<T>(
	ask: (waiter: NodeWaiter) => T,
	isWaiting: (answer: T) => boolean,
	failed: T,
): Promise<T> {
	for (;;) {
		const waiter = new Awaited();
		const answer = ask(waiter);
		if (!isWaiting(answer)) return answer;
		if (!(await waiter.wait())) return failed;
	}
}

/** Whether there is room, perhaps when it was made: who stores something waits as long as it can be had. */
export async function hasRoomIn(outlet: Pick<NodeOutlet, "hasRoom" | "moreSlots">): Promise<boolean> {
	// (Somebody else may have been faster.)
	while (!outlet.hasRoom) if (!(await outlet.moreSlots())) return false;
	return true;
}

/** Goes on with what was frozen until it is merged. Throws what storing nodes throws, or the fault of a node that can't be had, of a volume that somebody may look at. */
export async function merge(layers: MapLayers, outlet: NodeOutlet, nextTurn: NextTurn): Promise<void> {
	while (layers.isBusy) {
		// (In the middle of a slice it would be too late.)
		if (!(await hasRoomIn(outlet))) throw new OperatorError("there is no space left for the pool's map");
		const progress = await answerOf(
			(waiter) => layers.step(SLICE_STEPS, waiter),
			(answer) => answer === "waiting",
			"failed",
		);
		if (progress === "failed") {
			if (!layers.pass()) throw layers.tree.fault;
			continue;
		}
		if (progress === "done") return;
		if (outlet.waiting > 0) await outlet.writeOut();
		await nextTurn();
	}
}
