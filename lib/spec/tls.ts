/**
 * TLS, as an operator asks for it: which keys go together. The same for the command line and for configuration files, which name the same
 * by other words. Pure: what is in the files is looked at elsewhere (`lib/tls/material.ts`).
 */

import { OperatorError } from "../errors.js";
import { quote } from "../text.js";
import type { NbdTlsSpec, TlsSpec } from "./spec.js";

export const TLS_MODES = ["off", "offer", "require"] as const;
export type TlsMode = (typeof TLS_MODES)[number];
export const TLS_THREADS = 1;

/** What the parts are called by where they are written. */
export type TlsWords = Readonly<Record<"mode" | "certificate" | "keyFile" | "ca" | "pskFile", string>>;

/** Throws an OperatorError. */
export function readTlsMode(what: string, text: string): TlsMode {
	const mode = TLS_MODES.find((each) => each === text);
	if (mode !== undefined) return mode;
	throw new OperatorError(`${what} ${quote(text)}: off, offer or require is allowed`);
}

/** Of a server; undefined: none. Throws an OperatorError where something is missing. */
export function nbdTlsOf(
	mode: TlsMode | undefined,
	spec: TlsSpec,
	threads: number | undefined,
	words: TlsWords,
): NbdTlsSpec | undefined {
	if (mode === undefined && (Object.keys(spec).length > 0 || threads !== undefined))
		throw new OperatorError(`${words.mode} is missing: off, offer or require`);
	if (mode === undefined || mode === "off") return undefined;
	refuseHalves(spec, words);
	if (spec.certificate === undefined && spec.pskFile === undefined)
		throw new OperatorError(
			`${words.mode} ${mode}: ${words.certificate} with ${words.keyFile}, or ${words.pskFile}, is missing`,
		);
	return { ...spec, isRequired: mode === "require", threads: threads ?? TLS_THREADS };
}

/** Throws an OperatorError where a certificate has no key, or a key no certificate. */
export function refuseHalves({ certificate, keyFile }: TlsSpec, words: TlsWords): void {
	if ((certificate === undefined) === (keyFile === undefined)) return;
	const [is, lacks] =
		certificate === undefined ? [words.keyFile, words.certificate] : [words.certificate, words.keyFile];
	throw new OperatorError(`${is}: ${lacks} is missing, which belongs to it`);
}

/** What the parts are called by in configuration files. */
const KEYS: TlsWords = {
	mode: "tls.mode",
	certificate: "tls.certificate",
	keyFile: "tls.key_file",
	ca: "tls.ca",
	pskFile: "tls.psk_file",
};

/** As configuration files have it. */
export interface TlsSettings {
	readonly mode?: TlsMode | undefined;
	readonly certificate?: string | undefined;
	readonly key_file?: string | undefined;
	readonly ca?: string | undefined;
	readonly psk_file?: string | undefined;
	readonly ciphers?: string | undefined;
	readonly threads?: number | undefined;
}

/** What `tls` of `[nbd]` comes to. */
export interface TlsConfig {
	/** Undefined: clients have none. */
	readonly server: NbdTlsSpec | undefined;
	/** Of remote disks. */
	readonly remote: TlsSpec;
}

export const NO_TLS: TlsConfig = { server: undefined, remote: {} };

/** Throws an OperatorError where something is missing. */
export function readTlsSettings({ mode, threads, ...files }: TlsSettings): TlsConfig {
	const remote = tlsFilesOf(files);
	const server = nbdTlsOf(mode, remote, threads, KEYS);
	refuseHalves(remote, KEYS);
	return { server, remote };
}

/** Which of these a client has: of keys alone, if it names whose it is, or there is nothing else; else no keys. Throws an OperatorError. */
export function clientFilesOf(files: TlsSpec, hasUser: boolean): TlsSpec {
	const { pskFile, ...others } = files;
	const { ciphers, ca, certificate } = others;
	if (hasUser && pskFile === undefined)
		throw new OperatorError("no file of keys (PSK) is named in which that user would be");
	const isByKey = hasUser || (ca === undefined && certificate === undefined);
	if (!isByKey || pskFile === undefined) return others;
	return { pskFile, ...(ciphers !== undefined && { ciphers }) };
}

function tlsFilesOf({ certificate, key_file, ca, psk_file, ciphers }: TlsSettings): TlsSpec {
	return {
		...(certificate !== undefined && { certificate }),
		...(key_file !== undefined && { keyFile: key_file }),
		...(ca !== undefined && { ca }),
		...(psk_file !== undefined && { pskFile: psk_file }),
		...(ciphers !== undefined && { ciphers }),
	};
}

/** What reads back as the same; undefined: nothing has to be said. */
export function tlsSettingsOf({ server, remote }: TlsConfig): TlsSettings | undefined {
	const { certificate, keyFile, ca, pskFile, ciphers } = remote;
	if (server === undefined && Object.keys(remote).length === 0) return undefined;
	const { isRequired = false, threads = TLS_THREADS } = server ?? {};
	const offered = isRequired ? "require" : "offer";
	return {
		mode: server === undefined ? "off" : offered,
		...(certificate !== undefined && { certificate }),
		...(keyFile !== undefined && { key_file: keyFile }),
		...(ca !== undefined && { ca }),
		...(pskFile !== undefined && { psk_file: pskFile }),
		...(ciphers !== undefined && { ciphers }),
		...(threads !== TLS_THREADS && { threads }),
	};
}
