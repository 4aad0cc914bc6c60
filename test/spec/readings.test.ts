/** Reading again: only what is new is understood, and it comes to the same as if all were. Mirrors lib/spec/readings.ts and tables.ts. */

import fc from "fast-check";
import t from "tap";
import { type Config, readConfig } from "../../lib/spec/config.js";
import { differenceOf } from "../../lib/spec/difference.js";
import { aoeExportsOf } from "../../lib/spec/exports.js";
import { Readings } from "../../lib/spec/readings.js";
import { cutAtDisks } from "../../lib/spec/tables.js";
import { good, WEB } from "./readings.js";
import { texts } from "./trees.js";

const PRESENT = ["eth0", "eth1"];
/** Whoever sees this reads a file as a whole. */
const AS_A_WHOLE = '\n# """';

function readWith(readings: Readings, text: string, runtime?: string): Config | string[] {
	const sources = {
		files: [{ path: "0.toml", text }],
		debian: [],
		...(runtime !== undefined && { runtime: { path: "runtime.toml", text: runtime } }),
	};
	const config = readConfig(sources, { interfaceNames: () => PRESENT, readings });
	return Array.isArray(config) ? config.map(({ message }) => message) : config;
}

/** All of it, as plain values. */
function shown(config: Config | string[]): unknown {
	if (Array.isArray(config)) return config;
	const { placeOf: _, disks, ...others } = config;
	const shownDisks = disks.map(({ placeOf, ...disk }) => ({
		...disk,
		places: [placeOf(), placeOf(["aoe", "address"]), placeOf(["limit"])],
	}));
	return { ...others, disks: shownDisks };
}

const fresh = (text: string): unknown => shown(readWith(new Readings(), text));
const disk = (index: number): string => WEB.replace("web]", `d${index}]`).replaceAll("web", `d${index}`);

t.test("a reading after another understands what is new, and no more", async (t) => {
	const many = Array.from({ length: 500 }, (_, index) => disk(index).replace("9.0", `${index}.0`));
	const readings = new Readings();
	const before = good(readWith(readings, many.join("")));
	t.equal(readings.understood, 500);
	const text = `# moved\n${many.join("")}${disk(500).replace("9.0", "500.0")}`;
	const after = good(readWith(readings, text));
	t.equal(readings.understood, 501);
	t.equal(after.disks[7]?.exports, before.disks[7]?.exports, "the same objects");
	t.equal(after.disks[7]?.placeOf().line, (before.disks[7]?.placeOf().line ?? 0) + 1, "where they stand now");
	t.match(differenceOf(before, after).steps, [{ kind: "add", disk: { name: "d500" } }]);
	const changed = good(readWith(readings, text.replace("[disk.d3]", "[disk.d3]\nread_only = true")));
	t.equal(readings.understood, 502);
	t.equal(changed.disks[1], after.disks[1], "what stands in front of what has changed is not looked at");
	t.equal(changed.disks[4]?.exports, after.disks[4]?.exports);
	t.equal(changed.disks[4]?.placeOf().line, (after.disks[4]?.placeOf().line ?? 0) + 1);
	for (let times = 0; times < 3; times++) {
		readWith(readings, text);
		readWith(readings, text, disk(501));
	}
	t.equal(readings.understood, 504, "d3 as it was; what commands have added is in every second one");
});

t.test("what holds for all disks makes others of them", async (t) => {
	const readings = new Readings();
	readWith(readings, WEB);
	const [web] = good(readWith(readings, `${WEB}[defaults]\nread_only = true\n`)).disks;
	t.equal(web?.disk.readOnly, true);
	t.equal(good(readWith(readings, WEB)).disks[0]?.disk.readOnly, false);
});

t.test("a glob is looked at each time", async (t) => {
	const readings = new Readings();
	const read = (present: string[]): unknown => {
		const sources = { files: [{ path: "0.toml", text: WEB.replace("eth0", "eth*") }], debian: [] };
		const config = readConfig(sources, { interfaceNames: () => present, readings });
		return Array.isArray(config) ? config : aoeExportsOf(config.disks[0]?.exports ?? [])[0]?.netifs.length;
	};
	t.strictSame([read(["eth0"]), read(["eth0", "eth1"]), read([])], [1, 2, undefined]);
});

t.test("disks by themselves come to what the whole file comes to", async (t) => {
	const more = 'memory = "1M"\n';
	const cases: readonly [text: string, isCut: boolean][] = [
		[WEB, true],
		[`[daemon]\nworkers = 2\n${WEB}[http]\nlisten = []\n[disk.b]\n${more}`, true],
		[`[disk.web] # here\r\n${more.replace("\n", "\r\n")}  [ disk . b ]\n${more}`, false],
		[`${WEB}[disk.b]\n${more}[disk.web.limit]\niops = 5\n`, false],
		[`${WEB}[http]\n[disk.web.limit]\niops = 5\n`, false],
		[`${WEB}[disk.web]\n${more}`, false],
		[`[disk.web]\n${more}limit = {}\n[disk.web.limit]\n`, false],
		[`[disk.web.aoe]\naddress = "9.0"\nnetif = [\n[disk.b]\n]\n`, false],
		[`[disk.web.aoe]\naddress = "9.0"\nnetif = [\n "eth0",\n]\n[disk.web]\n${more}`, true],
		[`${WEB}\t[http]\nlisten = []\n`, false],
		[`${WEB}  [disk.web.limit]\niops = 5\n`, true],
		[`[disk]\nweb.memory = "1M"\n[disk.b]\n${more}`, false],
		[`disk.web.memory = "1M"\n[disk.b]\n${more}`, false],
		[`[[disk.web]]\n${more}[disk.b]\n${more}`, false],
		[`[disk.10]\n${more}[disk.9]\n${more}[disk.x]\n${more}`, false],
		[`[disk."x.y"]\n${more}[disk.b]\n${more}`, false],
		[`[disk.__proto__]\n${more}[disk.constructor]\n${more}`, true],
		[`[disk.web]\n${more}# \u2028[disk.b]\nread_only = true\n`, true],
		[`[disk.web]\n${more}[disk.web.aoee]\n[disk.b]\nmemroy = 1\n`, false],
		[`[deamon]\n${WEB}`, true],
		[`[disk.web]\n${more}x\n`, false],
		["", true],
	];
	for (const [index, [text, isCut]] of cases.entries()) {
		t.strictSame(fresh(text), fresh(text + AS_A_WHOLE), `case ${index}`);
		const readings = new Readings();
		readWith(readings, text);
		const { understood } = readings;
		readWith(readings, text);
		const isApart = understood === cutAtDisks(text)?.disks.length && readings.understood === understood;
		t.equal(isApart, isCut, `case ${index}: read apart`);
	}
});

t.test("whatever was read before", async () => {
	const slip = fc.constantFrom(["", ""], ["memory", "memroy"], ["eth0", "eth1"], ["read_only", "raed_only"]);
	const slipped = fc.tuple(texts, slip).map(([text, [from = "", to = ""]]) => text.replace(from, to));
	fc.assert(
		fc.property(slipped, slipped, (one, other) => {
			const readings = new Readings();
			readWith(readings, one);
			for (const text of [one, other, one]) {
				const again = JSON.stringify(shown(readWith(readings, text)));
				const whole = JSON.stringify(fresh(text + AS_A_WHOLE));
				if (again !== whole) throw new Error(`${again}\n${whole}`);
			}
		}),
		{ numRuns: 100 },
	);
});
