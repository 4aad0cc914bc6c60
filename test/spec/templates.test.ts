/** Templates of diskless machines, and where boot scripts are to be had, in a configuration. Mirrors lib/spec/templates.ts. */

import t from "tap";
import { differenceOf } from "../../lib/spec/difference.js";
import { dumpOf } from "../../lib/spec/dump.js";
import { good, read, refuses } from "./readings.js";

const POOL = '[pool.fast]\npath = "/srv/fast/"\n';
const LAB = '[template.lab]\nimage = "fast/gold@v3"\nshelf = 20\nnetif = ["eth0"]\n';
const BOOT = '[boot]\nlisten = ["192.0.2.1:9471"]\n';

t.test("a template, and what lies between two", async (t) => {
	const config = good(read(POOL + LAB + BOOT));
	t.match(config.templates, [
		{
			name: "lab",
			image: { pool: "fast", volume: "gold", snapshot: "v3" },
			shelf: 20,
			netif: ["eth0"],
			macs: undefined,
			keep: true,
		},
	]);
	t.match(config.boot.listen, [{ name: "192.0.2.1:9471" }]);
	const again = good(read(dumpOf(config)));
	t.strictSame(
		[again.templates[0]?.settings, again.boot],
		[config.templates[0]?.settings, config.boot],
		"also from what dump writes",
	);
	t.strictSame(config.templates[0]?.placeOf(["shelf"]), { file: "0.toml", line: 5, column: 1 });
	const other = LAB.replace("v3", "v4").concat('keep = false\nmacs = ["02:00:00:00:00:01"]\n');
	const wanted = good(read(POOL + other));
	t.strictSame(wanted.templates[0]?.macs, [0x020000000001]);
	t.match(differenceOf(config, wanted).settings, [
		{ key: "boot.listen", from: ["192.0.2.1:9471"], to: [], effort: "live" },
		{ key: "template.lab.image", from: "fast/gold@v3", to: "fast/gold@v4", effort: "live" },
		{ key: "template.lab.macs", from: undefined },
		{ key: "template.lab.keep", from: undefined, to: false },
	]);
});

t.test("what is wrong", async (t) => {
	refuses(t, LAB, '2:1: template lab: pool "fast": there is none of this name');
	refuses(
		t,
		"[template.lab]\n",
		"1:11: template lab: image is missing",
		"1:11: template lab: shelf is missing",
		"1:11: template lab: netif is missing, or empty",
	);
	const image = LAB.replace("@v3", "");
	refuses(t, POOL + image, '4:1: image "fast/gold": a snapshot of a volume is allowed, as in fast/gold@v3');
	refuses(t, `${POOL}${LAB}kepe = true\n`, '7:1: no such key "kepe"; did you mean "keep"?');
	const long = "l".repeat(52);
	refuses(
		t,
		POOL + LAB.replace("lab", long),
		`3:11: template "${long}": a name is 1 to 51 letters (a-z), digits, and -_. and begins with a letter or digit`,
	);
	refuses(
		t,
		`${BOOT}[http]\nlisten = ["192.0.2.1:9471"]\n`,
		'2:11: boot.listen "192.0.2.1:9471": http.listen has it already',
	);
});
