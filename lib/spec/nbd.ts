/** Disks over NBD, as a configuration asks for them: their exports, and what nobody could connect to. Asked by `config.ts`. */

import { quote } from "../text.js";
import type { DiskConfig } from "./configuration.js";
import { nbdExportOf } from "./exports.js";
import type { NbdExportValues, NbdValues } from "./nbd-schema.js";
import { PlacedError } from "./place.js";
import type { NbdExportSpec, RemoteSpec } from "./spec.js";
import { NO_TLS, type TlsConfig } from "./tls.js";
import type { TomlPath } from "./toml.js";

/** Without a name of its own it has the disk's. */
export function nbdExportSpecOf(disk: string, values: NbdExportValues): NbdExportSpec {
	const { name = disk, description = "", clients, readers } = values;
	return {
		protocol: "nbd",
		name: `nbd:${disk}`,
		disk,
		exportName: name,
		description,
		...(clients !== undefined && { clients }),
		...(readers !== undefined && { readers }),
	};
}

/** What is allowed to nobody, and what can't be reached, as the rest of the configuration is: each with what is missing. */
export function unheardOf(
	disks: readonly DiskConfig[],
	{ listen = [], tls = NO_TLS }: NbdValues,
): PlacedError[] {
	return disks.flatMap(({ name, placeOf, exports, disk: { storage } }) => {
		const nbd = nbdExportOf(exports);
		const missing = (path: TomlPath, what: string) => new PlacedError(placeOf(path), `disk ${name}: ${what}`);
		const found: PlacedError[] = [];
		if (nbd !== undefined && listen.length === 0)
			found.push(missing(["nbd"], "nobody can connect to it: [nbd] listen is missing"));
		for (const key of ["clients", "readers"] as const)
			for (const range of nbd?.[key] ?? []) {
				const identity = range.kind === "identity" ? range.identity : "";
				const lack = identity === "" ? undefined : lackFor(identity, tls);
				if (lack !== undefined)
					found.push(missing(["nbd", key], `nobody can be ${identity}: [nbd] ${lack} is missing`));
			}
		if (storage.kind === "remote" && isWithoutKey(storage, tls))
			found.push(
				missing(
					["remote"],
					`there is no key (PSK) of ${quote(storage.tls?.user ?? "")}: [nbd] tls.psk_file is missing`,
				),
			);
		return found;
	});
}

/** What a client would need to prove that name, and is not there. */
function lackFor(identity: string, { server }: TlsConfig): string | undefined {
	if (server === undefined) return "tls";
	const [key, file] = identity.startsWith("psk:")
		? (["tls.psk_file", server.pskFile] as const)
		: (["tls.ca", server.ca] as const);
	return file === undefined ? key : undefined;
}

function isWithoutKey({ tls }: RemoteSpec, { remote }: TlsConfig): boolean {
	return tls !== undefined && tls.user !== null && (tls.files ?? remote).pskFile === undefined;
}
