// Hosts that are looked up to connect to them: one that can't be looked up any more is tried where it was.

import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { remembering } from "../../lib/stream/connect.js";

t.test("a look-up that fails is as the one before, if there was one", async (t) => {
	let answers: readonly string[] | null = null;
	const lookUp = remembering(async () => {
		if (answers === null) throw new OperatorError("nobody knows");
		return answers;
	});
	await t.rejects(lookUp("host"), { message: "nobody knows" });
	answers = ["192.0.2.7"];
	t.same(await lookUp("host"), answers);
	answers = null;
	t.same(await lookUp("host"), ["192.0.2.7"]);
	answers = ["192.0.2.8"];
	t.same(await lookUp("host"), answers, "where it is now counts");
});
