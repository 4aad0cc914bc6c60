/**
 * The keys by which a remote disk is reached behind TLS: asked for at each connection, so what a reload has changed holds from the next one
 * on. Where they can't be had, those of before go on, which is told once; without any there is no connection, and never one in the clear.
 * Used by `open-remote.ts`.
 */

import { OperatorError } from "../errors.js";
import type { RemoteTlsSpec } from "../spec/spec.js";
import { clientFilesOf } from "../spec/tls.js";
import { quote } from "../text.js";
import { type ReadMaterial, readMaterial } from "../tls/material.js";
import type { TlsMaterial } from "../tls/side.js";
import type { Secure, Tls } from "./tls.js";

/** What the files hold for a client who names a user, or none. Rejects with an OperatorError. */
export type ReadRemoteKeys = (hasUser: boolean) => Promise<ReadMaterial>;

export interface RemoteKeysOptions {
	/** TLS of the process. */
	readonly tls: Tls;
	/** Default: this process reads them itself, once, for later it may be somebody who can't. */
	readonly read?: ReadRemoteKeys;
	readonly warn: (message: string) => void;
}

export class RemoteKeys {
	readonly #spec: RemoteTlsSpec;
	readonly #tls: Tls;
	readonly #read: ReadRemoteKeys;
	readonly #warn: (message: string) => void;
	#last: TlsMaterial | null = null;
	/** What was told last, so that it is not told at each connection. */
	#told = "";

	constructor(spec: RemoteTlsSpec, { tls, read, warn }: RemoteKeysOptions) {
		this.#spec = spec;
		this.#tls = tls;
		this.#read = read ?? onceFrom(spec);
		this.#warn = warn;
	}

	/** How the next connection becomes one behind TLS. Rejects with an OperatorError. */
	async secure(): Promise<Secure> {
		const { host, user } = this.#spec;
		const material = await this.#material();
		return this.#tls.client(material, host, identityIn(material, user));
	}

	async #material(): Promise<TlsMaterial> {
		try {
			const { material, warnings } = await this.#read(this.#spec.user !== null);
			this.#last = material;
			this.#tell(warnings.join("; "));
			return material;
		} catch (error) {
			if (!(error instanceof OperatorError) || this.#last === null) throw error;
			this.#tell(`${error.message}: the keys that were read before go on`);
			return this.#last;
		}
	}

	#tell(what: string): void {
		if (what !== "" && what !== this.#told) this.#warn(`tls: ${what}`);
		this.#told = what;
	}
}

function onceFrom({ files = {} }: RemoteTlsSpec): ReadRemoteKeys {
	let read: Promise<ReadMaterial> | undefined;
	return async (hasUser) => {
		read ??= readMaterial(clientFilesOf(files, hasUser), true);
		return read;
	};
}

/** Null: there are no keys, but certificates. Throws an OperatorError if it is not known whose key it is. */
function identityIn({ psk }: TlsMaterial, user: string | null): string | null {
	if (psk === undefined) return null;
	const [[only] = [], ...others] = psk;
	const identity = user ?? (others.length === 0 ? (only ?? null) : null);
	if (identity === null)
		throw new OperatorError("name the user whose key (PSK) it is, as in nbds://alice@host");
	if (psk.some(([name]) => name === identity)) return identity;
	throw new OperatorError(`there is no key (PSK) for the user ${quote(identity)}`);
}
