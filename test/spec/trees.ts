/** Configurations by chance, as the tables of a file: most of them sound, so that what comes after reading has something to do. */

import fc from "fast-check";
import { stringify } from "smol-toml";
import { type Config, readConfig } from "../../lib/spec/config.js";
import type { DiskSettings } from "../../lib/spec/schema.js";

const NAMES = ["a", "b", "web-1", "__proto__", "x.y"];
const PRESENT = ["eth0", "eth1"];

/** A text as a configuration, or what is wrong with it. */
export function readText(text: string, present: readonly string[] = PRESENT): Config | string[] {
	const sources = { files: [{ path: "vblade.toml", text }], debian: [] };
	const config = readConfig(sources, { interfaceNames: () => present });
	return Array.isArray(config) ? config.map(({ message }) => message) : config;
}

export function soundConfig(text: string, present?: readonly string[]): Config {
	const config = readText(text, present);
	if (Array.isArray(config)) throw new Error(`${config.join("\n")}\n${text}`);
	return config;
}

/** Each key is there or not. */
function some<T extends Record<string, unknown>>(keys: { [K in keyof T]: fc.Arbitrary<T[K]> }) {
	return fc.record(keys, { requiredKeys: [] });
}

const size = fc.constantFrom("4K", "64M", "65536K", "1G");
const count = fc.integer({ min: 1, max: 10_000 });
const limit = some({
	iops: count,
	bandwidth: size,
	read_iops: count,
	write_iops: count,
	read_bandwidth: size,
	write_bandwidth: size,
});

const options = {
	buffer_count: fc.integer({ min: 2, max: 65535 }),
	force: fc.boolean(),
};

const rest = some({
	read_only: fc.boolean(),
	durability: fc.constantFrom("ack", "flush", "none"),
	direct: fc.boolean(),
	offset: fc.nat(100),
	length: count,
	limit,
	...options,
});

const aoe = some({
	netif: fc.uniqueArray(fc.constantFrom("eth0", "eth1", "eth*", "pcap:lo", "unix:/run/a,b", "wlan*"), {
		minLength: 1,
	}),
	macs: fc.uniqueArray(fc.constantFrom("02:00:00:00:00:01", "02-00-00-00-00-02", "0200000000AA")),
	config_string: fc.constantFrom("", "boot", 'caf\u00e9 "\n'),
	...options,
});

/** A disk whose name nobody else has has its address and file alone, but for chance. */
function diskAt(index: number): fc.Arbitrary<DiskSettings> {
	const storage = fc.oneof(
		fc.record({ file: fc.constantFrom(`/srv/${index}`, `/srv/${index} "b"\n`) }),
		fc.record({ memory: size }),
	);
	const slot = fc.constantFrom(index, index + 10);
	return fc.tuple(storage, rest, fc.option(fc.tuple(slot, aoe))).map(([stored, others, served]) => {
		if (served === null) return { ...stored, ...others } as DiskSettings;
		const [at, { netif = ["eth0"], ...more }] = served;
		return { ...stored, ...others, aoe: { address: `7.${at}`, netif, ...more } } as DiskSettings;
	});
}

const disks = fc
	.tuple(...NAMES.map((_, index) => fc.option(diskAt(index))))
	.map((found) =>
		Object.fromEntries(NAMES.flatMap((name, index) => (found[index] ? [[name, found[index]]] : []))),
	);

const path = fc.constantFrom("/var/lib/vblade", "/srv", "/srv/a b");
const trees = some({
	daemon: some({
		state: path,
		user: fc.constantFrom("vblade", "disks"),
		allow: fc.uniqueArray(path),
		workers: fc.integer({ min: 1, max: 64 }),
	}),
	http: some({
		listen: fc.uniqueArray(fc.constantFrom("127.0.0.1:9470", "[::1]:80")),
		token_file: path,
		disk_histograms: fc.boolean(),
	}),
	defaults: rest,
	disk: disks,
});

/** A disk as a command adds it: at places that those of files may have too. */
export const anyDisk: fc.Arbitrary<readonly [name: string, settings: DiskSettings]> = fc
	.nat(NAMES.length)
	.chain((index) => diskAt(index).map((settings) => [NAMES[index] ?? "new", settings] as const));

/** Texts of configurations. */
export const texts: fc.Arbitrary<string> = trees.map((tree) => stringify(tree));
