// Traps 11, 14 and 16: a pool so small that each write needs space that has to come back, whose power is cut at any request, and of whose head the newer
// copy is lost: nothing is used again that whichever copy opens it still needs.
import t from "tap";
import { SpaceCrash } from "./space-crash.js";

const LIVES = 4;

t.test("trap 16: space is used again when neither copy of the head needs what was there", async (t) => {
	const run = new SpaceCrash(1);
	await run.play(LIVES);
	t.ok(run.lost > 0, `${run.lost} times the newer copy was lost`);
	t.ok(run.seen > 10 && run.gone > 10, `${run.seen} moments were looked at, ${run.gone} were kept no more`);
});
