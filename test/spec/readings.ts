/** What the tests of configurations have in common: texts are read, on a machine with a few interfaces. */

import type { Test } from "tap";
import { type Config, readConfig, type Sources } from "../../lib/spec/config.js";

const PRESENT = ["lo", "eth0", "eth1"];
export const WEB = '[disk.web]\nfile = "/srv/web.img"\n[disk.web.aoe]\naddress = "9.0"\nnetif = ["eth0"]\n';

export function read(...texts: string[]): Config | string[] {
	return readSources({ files: texts.map((text, at) => ({ path: `${at}.toml`, text })), debian: [] });
}

export function readSources(sources: Sources): Config | string[] {
	const config = readConfig(sources, { interfaceNames: () => PRESENT, host: "san.example.org" });
	return Array.isArray(config) ? config.map(({ message }) => message) : config;
}

export function good(config: Config | string[]): Config {
	if (Array.isArray(config)) throw new Error(config.join("\n"));
	return config;
}

export function refuses(t: Test, text: string, ...errors: string[]): void {
	t.strictSame(
		read(text),
		errors.map((error) => `0.toml:${error}`),
		text,
	);
}
