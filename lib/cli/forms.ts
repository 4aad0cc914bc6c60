/**
 * What a command of the table in `options.ts` is: its name, arguments and options; and the options that many have.
 */

import type { Option } from "../spec/getopt.js";

/** An argument that is no option. */
interface Argument {
	readonly name: string;
	readonly help: string;
	/** It may be left out: what is given is that of those that may not, if there is no more. */
	readonly isOptional?: boolean;
	/** The last one, which may be given more than once. */
	readonly isRepeated?: boolean;
}

/** One way to call vblade. */
export interface Form<Name extends string = string> {
	/** The first word, or two: `disk ls`. The form without one serves, as vblade 25 does; its options' short names and meanings are that one's. */
	readonly name: string;
	/** All have to be given that are not optional. */
	readonly arguments: readonly Argument[];
	readonly options: readonly Option<Name>[];
	/** In one line. */
	readonly help: string;
}

export const HELP = { name: "help", help: "print this and exit" } as const;
export const SOCKET = {
	name: "socket",
	value: "path",
	default: "/run/vblade/vblade.sock",
	help: "the socket of the daemon to ask",
} as const;
export const FILENAME = {
	name: "filename",
	help: "a regular file, a block device, mem:SIZE (mem:64M), pool:PATH/VOLUME, nbd://HOST/EXPORT or nbds://HOST/EXPORT",
};
