// Fuzzing the receive path for minutes: `npm run fuzz`, with FUZZ_RUNS for longer and FUZZ_SEED to repeat.
import t from "tap";
import { fuzz } from "./receive.js";

t.setTimeout(0);

for (const mtu of [1500, 9000, 4200]) {
	t.test(`no frame breaks a rule at MTU ${mtu}`, async (t) => {
		t.setTimeout(0);
		const { seed, runs, failure } = await fuzz(mtu, 20_000);
		t.comment(`FUZZ_SEED=${seed}: ${runs} scenarios`);
		t.equal(failure, undefined);
	});
}
