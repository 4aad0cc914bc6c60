// How a replica stands that was promoted, by what was written to both pools: also where the pool has less than the replica was promoted with, as another host has taken it over.
import t from "tap";
import { replicaLook } from "../../../lib/pool/store/replica-look.js";
import type { Written } from "../../../lib/pool/written.js";

const AT: Written = { bytes: 1000, timeUs: 50 };
const MORE: Written = { bytes: 1500, timeUs: 80 };

function standing(here: Written, there: Written) {
	const known = { name: "attic", lagBytes: 0, lagMs: null, sentBytes: 0, givenUp: 0, heldSlots: 0 };
	const promoted = { by: "two", sinceUs: 1, at: AT, now: there };
	const { state, promoted: look } = replicaLook({ ...known, trouble: null, promoted }, here);
	return [state, look?.here?.bytes, look?.there?.bytes];
}

t.test("who has gone on", async (t) => {
	t.same(standing(AT, AT), ["promoted", 0, 0]);
	t.same(standing(MORE, AT), ["promoted", 500, 0]);
	t.same(standing(AT, MORE), ["behind", 0, 500]);
	t.same(standing(MORE, MORE), ["split", 500, 500]);
});

t.test("what was given up of the pool at a takeover is there alone", async (t) => {
	const less = { bytes: 700, timeUs: 40 };
	t.same(standing(less, AT), ["behind", 0, 300]);
	t.same(standing(less, MORE), ["behind", 0, 800]);
	t.same(
		standing({ bytes: 900, timeUs: 90 }, AT),
		["split", 1, 100],
		"though something was written here since",
	);
});
