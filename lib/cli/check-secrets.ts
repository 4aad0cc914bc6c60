/**
 * What `vblade check` finds in files with secrets: whether they can be read and hold what they should. Of what is in them nothing is told.
 * Called by `check-here.ts`.
 */

import { codeOf, OperatorError } from "../errors.js";
import { equalSecretsOf, readChapSecret } from "../opener/chap-secrets.js";
import { within } from "../opener/patience.js";
import { LONGEST_TOKEN, textIn, whyUnreadable } from "../opener/sources.js";
import { readStoreKeys } from "../opener/store-keys.js";
import type { Config } from "../spec/config.js";
import { iscsiExportOf, secretFilesOf } from "../spec/exports.js";
import { PlacedError } from "../spec/place.js";
import { isLoopback } from "../spec/values.js";
import { quote } from "../text.js";
import { readMaterial } from "../tls/material.js";

/** A disk that hangs answers nobody. */
export const LOOK_LIMIT_MS = 3000;

const MAY_NOT_LOOK = ": this user may not look; the daemon may";
const NOBODY_YET = "; nobody can log in there until it can be read";

export interface Faults {
	readonly errors: readonly PlacedError[];
	readonly warnings: readonly PlacedError[];
}

export async function secretFaults(config: Config): Promise<Faults> {
	const token = await tokenFault(config);
	const all = [await tlsFaults(config), ...(await storeFaults(config)), ...(await chapFaults(config))];
	const told = token === undefined ? [] : [token];
	return {
		errors: [
			...told.flatMap(({ isError, fault }) => (isError ? fault : [])),
			...all.flatMap(({ errors }) => errors),
		],
		warnings: [
			...told.flatMap(({ isError, fault }) => (isError ? [] : fault)),
			...all.flatMap(({ warnings }) => warnings),
		],
	};
}

async function tokenFault({
	http: { listen, tokenFile },
	placeOf,
}: Config): Promise<{ isError: boolean; fault: PlacedError } | undefined> {
	if (tokenFile === undefined) {
		const index = listen.findIndex(({ host }) => !isLoopback(host));
		const where = placeOf(["http", "listen", index]);
		if (index < 0 || where === undefined) return undefined;
		const what = `listen ${quote(listen[index]?.name ?? "")}: without a token_file nobody can see or change anything there`;
		return { isError: false, fault: new PlacedError(where, what) };
	}
	const place = placeOf(["http", "token_file"]);
	if (place === undefined) return undefined;
	const told = (why: string, isError = true) => ({
		isError,
		fault: new PlacedError(place, `token_file ${tokenFile}: ${why}`),
	});
	const outcome = "; without a token nobody can change anything over TCP";
	try {
		const token = await within(LOOK_LIMIT_MS, tokenFile, textIn(tokenFile, LONGEST_TOKEN));
		return token.trim() === "" ? told(`holds no token${outcome}`) : undefined;
	} catch (error) {
		if (codeOf(error) === "EACCES" && !isRoot()) return told("this user may not look; the daemon may", false);
		return told(`${error instanceof OperatorError ? "does not answer" : whyUnreadable(error)}${outcome}`);
	}
}

/** What is wrong with keys and certificates; of what is in them nothing is told. */
async function tlsFaults({ nbd: { tls }, placeOf }: Config): Promise<Faults> {
	const { server, remote } = tls;
	const place = placeOf(["nbd", "tls"]);
	if (place === undefined) return { errors: [], warnings: [] };
	const told = (what: string) => new PlacedError(place, `tls: ${what}`);
	try {
		// (A server has all that remote disks have.)
		const reading = readMaterial(server ?? remote, false);
		const { warnings } = await within(LOOK_LIMIT_MS, "the files of tls", reading);
		return { errors: [], warnings: warnings.map(told) };
	} catch (error) {
		return unreadable(error, told);
	}
}

/** What others can't read the daemon may. */
function unreadable(error: unknown, told: (what: string) => PlacedError): Faults {
	if (!(error instanceof OperatorError)) throw error;
	if (!isHidden(error)) return { errors: [told(error.message)], warnings: [] };
	return { errors: [], warnings: [told(`${error.message}${MAY_NOT_LOOK}`)] };
}

function isHidden({ message }: OperatorError): boolean {
	return /\(EACCES\)$/.test(message) && !isRoot();
}

/** The same of what pools in object stores need. Without, such a pool is not opened: nothing else is kept from serving. */
async function storeFaults({ pools }: Config): Promise<Faults[]> {
	const found: Faults[] = [];
	const all = pools.flatMap((pool) => [
		pool,
		...(pool.replicas ?? []).map((each) => ({ ...pool, ...each, name: pool.name })),
	]);
	for (const { name, stored, placeOf } of all) {
		if (stored === undefined) continue;
		const told = (what: string) => new PlacedError(placeOf(), `pool ${name}: ${what}`);
		try {
			const { warnings } = await within(LOOK_LIMIT_MS, `the files of pool ${name}`, readStoreKeys(stored));
			found.push({ errors: [], warnings: warnings.map(told) });
		} catch (error) {
			const { errors, warnings } = unreadable(error, told);
			found.push({ errors: [], warnings: [...errors, ...warnings] });
		}
	}
	return found;
}

/** The same of secrets of CHAP: until one is there nobody logs in to that target, and the rest is served. */
async function chapFaults({ disks, daemon }: Config): Promise<Faults[]> {
	const found: Faults[] = [];
	for (const { name, exports, placeOf } of disks) {
		const chap = iscsiExportOf(exports)?.chap;
		if (chap === undefined) continue;
		const told = (what: string) => new PlacedError(placeOf(["iscsi", "chap"]), `disk ${name}: chap: ${what}`);
		const secrets: string[] = [];
		for (const file of secretFilesOf(chap)) {
			try {
				const reading = readChapSecret(file, daemon.user);
				const { secret, warnings } = await within(LOOK_LIMIT_MS, file, reading);
				secrets.push(secret);
				found.push({ errors: [], warnings: warnings.map(told) });
			} catch (error) {
				if (!(error instanceof OperatorError)) throw error;
				const why = isHidden(error) ? MAY_NOT_LOOK : NOBODY_YET;
				found.push({ errors: [], warnings: [told(`${error.message}${why}`)] });
			}
		}
		const [one, other] = secrets;
		// (Nothing that may come later mends that.)
		if (one !== undefined && one === other)
			found.push({ errors: [told(equalSecretsOf(chap))], warnings: [] });
	}
	return found;
}

const isRoot = (): boolean => process.geteuid?.() === 0;
