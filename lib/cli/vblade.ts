#!/usr/bin/env -S sh -c 'export VBLADE_IGNORED="${VBLADE_IGNORED-$(grep SigIgn: /proc/self/status)}"; exec node --max-semi-space-size=1 "$0" "$@"'
/**
 * The program `vblade`. There are two that it can go on with (`scripts/bundle.mjs`), both made of `main.ts`: one that only serves, in few
 * files, for a server starts with them; and one with all commands, whose parts are many.
 *
 * (Serving allocates nothing, so the young generation of the heap can be small: 1 MiB. What Node would take instead, some
 * 50 MiB after thousands of blades have been opened, would never be used again. And Node forgets which signals were ignored
 * when it was started, so a shell notes it first.)
 */

const { argv, env } = process;
// A command is a word, a shelf a number, and all else is an option of serving.
const isCommand = env.VBLADE_CHILD !== undefined || /^[a-z]/.test(argv[2] ?? "");
await (isCommand ? import("./main.js") : import("./serving.js"));

export {};
