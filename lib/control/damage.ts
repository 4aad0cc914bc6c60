/**
 * Files of the state that are not what was kept: what is done with each, and what people are told. The file is put aside, and stays there
 * for whoever can make something of it. Used by those who read the state: `kept.ts`, `wish-files.ts`, `desired.ts`.
 */

import { DamagedError, OperatorError } from "../errors.js";
import type { Keeper } from "./seams.js";

/** What a reader of the state can do, and say. */
export interface DamageTeller extends Keeper {
	/** As `keep`, for what is not to be if it can't be kept: whoever asked for it is told, and nothing is lost. */
	keepOrRefuse(name: string, bytes: Uint8Array): Promise<void>;
	/** To be seen by people: in the log, as an event, and in status until a reload. */
	damaged(message: string): void;
}

/** Puts it out of the way. What has become of it, for a message. */
export async function putAside(keeper: Keeper, name: string): Promise<string> {
	try {
		return `it is put aside as ${await keeper.setAside(name)}`;
	} catch (error) {
		if (!(error instanceof OperatorError)) throw error;
		return `it could not be put aside (${error.message})`;
	}
}

/** What `understand` makes of what was kept; undefined: nothing was. Throws a DamagedError if it can't be read, or `understand` throws one. */
export async function readKept<T>(
	keeper: Keeper,
	name: string,
	understand: (text: string) => T,
): Promise<T | undefined> {
	const bytes = await keeper.kept(name);
	if (bytes === undefined) return undefined;
	try {
		return understand(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
	} catch (error) {
		if (error instanceof OperatorError) throw error;
		throw new DamagedError(`${name}: can't be understood`);
	}
}
