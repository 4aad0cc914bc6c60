/**
 * The part of the table in `lib/cli/options.ts` that is of pools and their volumes: their arguments and options. Data only.
 */

import { type Form, HELP } from "../forms.js";

const JSON_OPTION = { name: "json", help: "what it says as JSON" } as const;
const OPTIONS = [HELP, JSON_OPTION] as const;
const POOL = { name: "pool", help: "the directory of a pool: a path that begins with / or ." };
const VOLUME = { name: "volume", help: "PATH/NAME: a volume of the pool at a path that begins with / or ." };

export const POOL_CREATE = {
	name: "pool create",
	help: "Makes a pool, in a directory that is empty or not there yet.",
	arguments: [POOL],
	options: OPTIONS,
} as const satisfies Form;

export const POOL_SHOW = {
	name: "pool show",
	help: "Tells all there is to know of a pool.",
	arguments: [POOL],
	options: OPTIONS,
} as const satisfies Form;

export const VOLUME_CREATE = {
	name: "volume create",
	help: "Makes a volume: a thin disk, all zeros.",
	arguments: [VOLUME, { name: "size", help: "bytes, or with K, M, G or T: 10G" }],
	options: [
		...OPTIONS,
		{ name: "page", value: "bytes", default: "4K", help: "what is mapped as a whole: 512 to 256K" },
	],
} as const satisfies Form;

export const VOLUME_LS = {
	name: "volume ls",
	help: "Lists the volumes of a pool.",
	arguments: [POOL],
	options: OPTIONS,
} as const satisfies Form;

export const VOLUME_SHOW = {
	name: "volume show",
	help: "Tells all there is to know of a volume.",
	arguments: [VOLUME],
	options: OPTIONS,
} as const satisfies Form;
