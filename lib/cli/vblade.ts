#!/usr/bin/env -S sh -c 'export VBLADE_IGNORED="${VBLADE_IGNORED-$(grep SigIgn: /proc/self/status)}"; exec node --max-semi-space-size=1 --heap-growing-percent=200 "$0" "$@"'
/**
 * The program `vblade`. There are two that it can go on with (`scripts/bundle.mjs`), both made of `main.ts`: one that only serves, in few
 * files, for a server starts with them; and one with all commands, whose parts are many.
 *
 * (Serving allocates nothing, so the young generation of the heap can be small: 1 MiB. What Node would take instead, some
 * 50 MiB after thousands of blades have been opened, would never be used again. What lives long is little, too, and is looked
 * through when it has grown to three times that: of itself V8 does it several times a second where lists are made and
 * stored, as a pool does that gives back a large volume, and whoever is served waits 40 ms each time. And Node forgets which
 * signals were ignored when it was started, so a shell notes it first.)
 */

import { beforeServing } from "./signals.js";

const { argv, env } = process;
const isChild = env.VBLADE_CHILD !== undefined;
// A command is a word, a shelf a number, and all else is an option of serving.
const isCommand = isChild || /^[a-z]/.test(argv[2] ?? "");
if (isChild) beforeServing("child");
else if (!isCommand) beforeServing("serve");
else if (argv[2] === "daemon") beforeServing("daemon");
try {
	await (isCommand ? import("./main.js") : import("./serving.js"));
} catch (error) {
	// Node opens many files of a program at once. What tells of it otherwise is among them.
	if (!/EMFILE|ENFILE/.test(String(error))) throw error;
	process.stderr.write(`vblade: too few files can be open at once to start (ulimit -n): ${error}\n`);
	process.exit(2);
}
