/**
 * What pools on object stores need that is in files of root's: what the store knows them by, and whom TLS trusts. Read whenever a worker opens
 * such a pool, so it has what the files hold then. Used by `answers.ts`, and by `vblade check`, which wants to know whether it can be had.
 */

import { constants } from "node:fs";
import { open } from "node:fs/promises";
import { codeOf, OperatorError } from "../errors.js";
import type { HeadSpec, StorePoolSpec, StoreSpec } from "../spec/store-spec.js";
import { readMaterial } from "../tls/material.js";
import type { TlsMaterial } from "../tls/side.js";
import { OneAtATime } from "./patience.js";

/** More than any secret has. */
const LONGEST_SECRET = 4096;
const ALL_READ = 0o004;
const ALL_WRITE = 0o002;
/** A file system may hang: nobody waits longer than this for its files. */
const READ_LIMIT_MS = 8000;

export interface StoreKeys {
	readonly secret: string;
	/** Undefined: neither has any. */
	readonly storeTls?: TlsMaterial;
	readonly headTls?: TlsMaterial;
	/** What an operator should know, a line each. */
	readonly warnings: readonly string[];
}

/** Throws an OperatorError of one line that names the file, and nothing that is in it. */
export async function readStoreKeys({ store, head }: StorePoolSpec): Promise<StoreKeys> {
	const file = store.kind === "s3" ? store.secretFile : store.keyFile;
	const { secret, warnings: open } = await secretIn(file);
	const [storeTls, headTls] = [await storeTlsOf(store), await headTlsOf(head)];
	return {
		secret,
		...(storeTls && { storeTls: storeTls.material }),
		...(headTls && { headTls: headTls.material }),
		warnings: [...open, ...(storeTls?.warnings ?? []), ...(headTls?.warnings ?? [])],
	};
}

export interface SecretFile {
	readonly secret: string;
	/** Whom the file belongs to: he may change it, or let others read it. */
	readonly owner: number;
	/** Of what everyone may do with it. */
	readonly warnings: readonly string[];
}

/** Throws an OperatorError for a file that can't be read, or holds anything but a line. */
export async function secretIn(file: string): Promise<SecretFile> {
	try {
		// (A pipe of that name must not keep us waiting.)
		const handle = await open(file, constants.O_RDONLY | constants.O_NONBLOCK);
		try {
			const status = await handle.stat();
			if (!status.isFile()) throw new OperatorError(`${file}: is no regular file`);
			if (status.size > LONGEST_SECRET) throw new OperatorError(`${file}: holds more than a secret`);
			const secret = (await handle.readFile("utf8")).trim();
			if (/^[\x20-\x7e]+$/.test(secret))
				return { secret, owner: status.uid, warnings: opennessOf(file, status.mode) };
			if (/^[\x20-\x7e\r\n]+$/.test(secret))
				throw new OperatorError(`${file}: holds no secret: it has more than one line`);
			throw new OperatorError(`${file}: holds no secret: a line of ASCII is expected`);
		} finally {
			await handle.close();
		}
	} catch (error) {
		const code = codeOf(error);
		if (error instanceof OperatorError || code === undefined) throw error;
		if (code === "ENOENT") throw new OperatorError(`${file}: there is no such file`);
		throw new OperatorError(`${file}: can't be read (${code})`);
	}
}

/** (One line for one mistake, with what mends all of it.) */
function opennessOf(file: string, mode: number): string[] {
	const [reads, writes] = [(mode & ALL_READ) !== 0, (mode & ALL_WRITE) !== 0];
	if (!reads && !writes) return [];
	const verbs = [...(reads ? ["read"] : []), ...(writes ? ["write"] : [])].join(" and ");
	return [`${file}: everyone can ${verbs} this secret (chmod o-${reads ? "r" : ""}${writes ? "w" : ""})`];
}

type Material = Awaited<ReturnType<typeof readMaterial>>;

async function storeTlsOf(store: StoreSpec): Promise<Material | undefined> {
	const { ca } = store;
	const address = store.kind === "s3" ? store.endpoint : store.auth;
	// (Who logs in in the clear may be sent to storage behind TLS.)
	return isSecure(address) || ca !== undefined ? readMaterial({ ...(ca && { ca }) }, true) : undefined;
}

async function headTlsOf(head: HeadSpec): Promise<Material | undefined> {
	if (head.kind !== "etcd" || !head.endpoints.some(isSecure)) return undefined;
	const { ca, certificate, keyFile } = head;
	const own = { ...(ca && { ca }), ...(certificate && { certificate }), ...(keyFile && { keyFile }) };
	return readMaterial(own, true);
}

function isSecure(address: string): boolean {
	return new URL(address).protocol === "https:";
}

/** For those who ask again and again, for pools that are configured. */
export class StoreKeyFiles {
	/** By the pool's path: what hangs is read once at a time. */
	readonly #readings = new Map<string, OneAtATime<StoreKeys>>();

	/** Throws an OperatorError if they can't be had. */
	keysOf(path: string, stored: StorePoolSpec): Promise<StoreKeys> {
		let reading = this.#readings.get(path);
		if (reading === undefined) {
			const what = `the files of pool ${stored.name}`;
			reading = new OneAtATime(what, READ_LIMIT_MS, () => readStoreKeys(stored));
			this.#readings.set(path, reading);
		}
		return reading.get();
	}

	/** Others than these are configured no more. */
	retain(paths: ReadonlySet<string>): void {
		for (const path of this.#readings.keys()) if (!paths.has(path)) this.#readings.delete(path);
	}
}
