// Pools are there for those who want to try them, and for nobody else: they are not finished.
import t from "tap";
import { askWhetherPoolsAreTried } from "../../lib/pool/trial.js";
import { scratchDirectory } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { vbladeCommand } from "../support/paths.js";
import { Program } from "../support/process.js";

t.test("whoever does not ask for them is told, and nothing is made", async (t) => {
	t.throws(() => askWhetherPoolsAreTried({}), /pools are not finished/);
	t.doesNotThrow(() => askWhetherPoolsAreTried({ VBLADE_TRIAL: "pools" }));
	const env = { VBLADE_TRIAL: "" };
	for (const args of [
		["pool", "create", `${scratchDirectory()}/pool`],
		["9", "0", `unix:${scratchDirectory()}/s`, "pool:/nowhere/web"],
	]) {
		const program = new Program([...vbladeCommand(), ...args], { env });
		t.equal((await program.finished(LIMIT_MS)).code, 2);
		t.match(program.output, /^vblade: .*pools are not finished.*VBLADE_TRIAL=pools/m);
	}
});
