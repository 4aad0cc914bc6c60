/** The part of the table in `lib/cli/options.ts` that is of who has a pool in an object store. Data only. */

import type { Form } from "../forms.js";
import { EITHER } from "./options.js";

const IN_STORE = { name: "pool", help: "the name of a running daemon's that is in an object store" };

export const POOL_TAKEOVER = {
	name: "pool takeover",
	help: "Takes over a pool in an object store, although what another host has acknowledged is lost.",
	arguments: [IN_STORE],
	options: [
		...EITHER,
		{ name: "lose", value: "bytes", help: "so much may be lost: what the pool says" },
		{
			name: "forget",
			value: "epoch",
			help: "what was given up of it is not kept any more: what the pool shows",
		},
	],
} as const satisfies Form;

export const POOL_PROMOTE = {
	name: "pool promote",
	help: "Makes a pool of its own of what is a replica of another one in an object store.",
	arguments: [IN_STORE],
	options: EITHER,
} as const satisfies Form;

export const POOL_DEMOTE = {
	name: "pool demote",
	help: "Makes a replica again of a pool in an object store that was one, and was promoted.",
	arguments: [IN_STORE],
	options: [
		...EITHER,
		{ name: "lose", value: "bytes", help: "so much of what was written to it since may be lost" },
	],
} as const satisfies Form;

export const POOL_HANDOVER = {
	name: "pool handover",
	help: "Hands a pool in an object store over to another host, which waits for it.",
	arguments: [IN_STORE],
	options: [
		...EITHER,
		{
			name: "to",
			value: "host",
			help: "which one, by what it calls itself; default: the first that answers",
		},
	],
} as const satisfies Form;
