// Loaded into vblade by NODE_OPTIONS=--import: on SIGUSR2 the process tries for itself what it should not be able to do,
// and says on stderr, as one line of JSON, what became of each try: "done", or the name of the error.
import { spawnSync } from "node:child_process";
import { openSync } from "node:fs";

const { HOOK_SECRET: secret = "", HOOK_PUBLIC: readable = "", HOOK_NEW: created = "" } = process.env;

function outcome(action) {
	try {
		action();
		return "done";
	} catch (error) {
		return error.code ?? String(error);
	}
}

process.on("SIGUSR2", () => {
	const tries = {
		secret: outcome(() => openSync(secret, "r")),
		public: outcome(() => openSync(readable, "r")),
		create: outcome(() => openSync(created, "w")),
		image: outcome(() => openSync(process.argv.at(-1), "r+")),
		program: outcome(() => {
			const { error } = spawnSync("/bin/true");
			if (error) throw error;
		}),
		root: outcome(() => process.setuid(0)),
		group: outcome(() => process.setgroups([0])),
	};
	process.stderr.write(`tried ${JSON.stringify(tries)}\n`);
});
