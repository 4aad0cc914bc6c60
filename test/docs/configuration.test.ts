/**
 * What people read of the configuration is true: vblade.toml(5) has the keys that there are, with their defaults and what it takes to
 * change them, and the examples are good. Part of `npm run check`.
 */

import { readFileSync } from "node:fs";
import t from "tap";
import { type Config, readConfig } from "../../lib/spec/config.js";
import { iscsiSchema } from "../../lib/spec/iscsi-schema.js";
import {
	AOE_DEFAULTS,
	DAEMON_DEFAULTS,
	DAEMON_EFFORTS,
	DISK_DEFAULTS,
	DISK_EFFORTS,
	HEAD_EFFORTS,
	ISCSI_DEFAULTS,
	POOL_DEFAULTS,
	POOL_EFFORTS,
	STORE_EFFORTS,
	TEMPLATE_DEFAULTS,
	TEMPLATE_EFFORTS,
} from "../../lib/spec/keys.js";
import { nbdSchema } from "../../lib/spec/nbd-schema.js";
import { REMOTE_DEFAULTS } from "../../lib/spec/remote.js";
import {
	bootSchema,
	daemonSchema,
	diskSchema,
	httpSchema,
	poolSchema,
	templateSchema,
} from "../../lib/spec/schema.js";
import { keysAt } from "../../lib/spec/schema-keys.js";
import { headSchema, storeSchema } from "../../lib/spec/store-schema.js";
import { sourceFile } from "../support/paths.js";
import { manual } from "./manual.js";

const DEFAULTS: Readonly<Record<string, unknown>> = {
	...DAEMON_DEFAULTS,
	...DISK_DEFAULTS,
	...Object.fromEntries(Object.entries(AOE_DEFAULTS).map(([key, value]) => [`aoe.${key}`, value])),
	...Object.fromEntries(Object.entries(ISCSI_DEFAULTS).map(([key, value]) => [`iscsi.${key}`, value])),
	...POOL_DEFAULTS,
	...TEMPLATE_DEFAULTS,
	resend: REMOTE_DEFAULTS.resend,
	disk_histograms: false,
};

/** `workers = 1, restart`: keys of the manual, in its order. */
async function keysOfManual(): Promise<RegExpMatchArray[]> {
	const page = await manual("vblade.toml.5");
	const described = page.slice(page.indexOf("[daemon]"), page.indexOf("\nFILES"));
	return [...described.matchAll(/^ {5}([\w.]+) = (.+), (\w+)$/gm)];
}

t.test("the manual has every key and no others, with what a change takes", async (t) => {
	const found = await keysOfManual();
	t.strictSame(
		found.map(([, key, , effort]) => [key, effort]),
		[
			...Object.entries(DAEMON_EFFORTS).map(([key, effort]) => [key.replace(/^\w+\./, ""), effort]),
			...Object.entries(STORE_EFFORTS),
			...Object.entries(HEAD_EFFORTS),
			...Object.entries(POOL_EFFORTS),
			...Object.entries(DISK_EFFORTS),
			...Object.entries(TEMPLATE_EFFORTS),
		],
	);
	for (const [, key = "", value = ""] of found) {
		if (/^(true|false|[0-9]+|"(\/.*|ack)")$/.test(value)) t.same(JSON.parse(value), DEFAULTS[key], key);
		else t.ok(DEFAULTS[key] === undefined || key === "allow" || key === "keep", `${key} has no default`);
	}
});

t.test("the table of keys is that of the schema", async (t) => {
	const tables = ["limit", "aoe", "nbd", "iscsi"];
	const disk = keysAt(diskSchema, []).filter((key) => !tables.includes(key));
	const inner = tables.flatMap((table) => keysAt(diskSchema, [table]).map((key) => `${table}.${key}`));
	// Some may stand in two places, and are of one.
	const own = disk.filter((key) => !inner.includes(`aoe.${key}`));
	t.strictSame([...own, ...inner].sort(), Object.keys(DISK_EFFORTS).sort());
	const others = [
		...keysAt(daemonSchema, []).map((key) => `daemon.${key}`),
		...keysAt(httpSchema, []).map((key) => `http.${key}`),
		...keysAt(nbdSchema, []).map((key) => `nbd.${key}`),
		...keysAt(iscsiSchema, []).map((key) => `iscsi.${key}`),
		...keysAt(bootSchema, []).map((key) => `boot.${key}`),
	];
	t.strictSame(others, Object.keys(DAEMON_EFFORTS));
	t.strictSame(keysAt(storeSchema, []), Object.keys(STORE_EFFORTS));
	t.strictSame(keysAt(headSchema, []), Object.keys(HEAD_EFFORTS));
	t.strictSame(keysAt(poolSchema, []), Object.keys(POOL_EFFORTS));
	t.strictSame(keysAt(templateSchema, []), Object.keys(TEMPLATE_EFFORTS));
});

function configOf(text: string): Config {
	const sources = { files: [{ path: "example", text }], debian: [] };
	const config = readConfig(sources, { interfaceNames: () => ["eth0"] });
	if (Array.isArray(config)) throw new Error(config.map(({ message }) => message).join("\n"));
	return config;
}

t.test("the examples are good, and no disk of them is broken", async (t) => {
	const page = await manual("vblade.toml.5");
	const example = page.slice(
		page.indexOf("\nEXAMPLES\n") + "\nEXAMPLES\n".length,
		page.indexOf("\nSEE ALSO"),
	);
	const read = (file: string): string => readFileSync(sourceFile(file), "utf8");
	const inText = ["README.md", "docs/operations.md", "docs/iscsi.md"].flatMap((file) =>
		[...read(file).matchAll(/^```toml\n(.*?)^```/gms)].map(([, text = ""]) => text),
	);
	t.ok(inText.length > 1);
	for (const text of [example, read("docs/vblade.toml"), ...inText]) {
		const { disks, warnings } = configOf(text);
		t.ok(disks.length > 0);
		t.same(warnings, []);
		for (const { name, broken, exports, partOf, disk } of disks) {
			const isUsed = exports.length > 0 || partOf !== undefined || disk.chunkOf !== undefined;
			t.ok(broken === undefined && isUsed, name);
		}
	}
});
