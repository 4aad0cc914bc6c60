/** How something is done to a pool and what came of it is found out, also if it was refused: for `whole-operations.ts`. */

import { BlockOp } from "../../lib/block/request.js";
import { FailedError, OperatorError, StorageStatus } from "../../lib/errors.js";
import { modeOf, type WholeLife } from "./whole-life.js";
import { changed, filled, type State, type VolumeNow } from "./whole-model.js";

/** Says so, does it, and finds out what came of it if it was refused. */
export async function make(
	run: WholeLife,
	what: string,
	states: readonly State[],
	act: () => Promise<unknown>,
) {
	const { course } = run;
	const first = course.states.length - 1;
	for (const state of states) course.add(what, state);
	try {
		await act();
	} catch (error) {
		if (!(error instanceof OperatorError || error instanceof FailedError)) throw error;
		run.trouble.told(error.message);
		await refused(run, what, first);
		return;
	}
	course.over(true);
}

/** What came of it is found out. */
async function refused(run: WholeLife, what: string, first: number): Promise<void> {
	const { course } = run;
	run.refused++;
	const found = await run.read();
	course.match(found, first);
	course.add(`${what}, refused`, found);
	if (!run.trouble.hasStruck) course.over(false);
}

/** A request that changes something. */
export async function change(
	run: WholeLife,
	name: string,
	op: BlockOp,
	at: number,
	sectors: number,
): Promise<void> {
	const { course } = run;
	const volume = course.now.get(name)!;
	const stamp = op === BlockOp.write ? ++run.stamp : 0;
	const before = course.states.length - 1;
	const parts = op === BlockOp.write ? [sectors] : zeroParts(at, sectors, volume.pageSectors);
	for (const part of parts) {
		const stamps = filled(volume.stamps, at, part, stamp);
		course.add(`${op} ${name}`, changed(course.now, name, { stamps }));
	}
	const { request } = await run.run(await run.device(name), op, at, sectors, stamp);
	if (request.status !== StorageStatus.ok) {
		run.trouble.ended(request.status);
		await refused(run, `${op} ${name}`, before);
	} else course.over(modeOf(name) === "ack");
}

/** Zeros may be in several records: to the end of the page that they begin in, whole pages, and the beginning of one. How far each goes. */
function zeroParts(at: number, sectors: number, pageSectors: number): number[] {
	const end = at + sectors;
	const places = [Math.ceil(at / pageSectors), Math.floor(end / pageSectors)].map(
		(page) => page * pageSectors,
	);
	return [...places.filter((place) => place > at && place < end).map((place) => place - at), sectors];
}

/** Part of a volume: in half of the cases of whole pages, of a few. */
export function place({ random }: WholeLife, { stamps, pageSectors }: VolumeNow): [number, number] {
	const pages = Math.floor(stamps.length / pageSectors);
	if (random.chance(0.5) && pages > 0) {
		const count = 1 + random.below(Math.min(pages, 4));
		return [pageSectors * random.below(pages - count + 1), pageSectors * count];
	}
	const sectors = 1 + random.below(Math.min(stamps.length, 40));
	return [random.below(stamps.length - sectors + 1), sectors];
}
