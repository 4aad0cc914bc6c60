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

/** Throws an OperatorError where something is missing. */
export function readTlsSettings({ mode, threads, ...files }: TlsSettings): NbdTlsSpec | undefined {
	return nbdTlsOf(mode, tlsFilesOf(files), threads, KEYS);
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

/** What reads back as the same. */
export function tlsSettingsOf({ isRequired, threads, ...spec }: NbdTlsSpec): TlsSettings {
	const { certificate, keyFile, ca, pskFile, ciphers } = spec;
	return {
		mode: isRequired ? "require" : "offer",
		...(certificate !== undefined && { certificate }),
		...(keyFile !== undefined && { key_file: keyFile }),
		...(ca !== undefined && { ca }),
		...(pskFile !== undefined && { psk_file: pskFile }),
		...(ciphers !== undefined && { ciphers }),
		...(threads !== TLS_THREADS && { threads }),
	};
}
