/** A configuration as text: it reads back, and differences are told in lines. Mirrors lib/spec/dump.ts. */

import assert from "node:assert";
import fc from "fast-check";
import t from "tap";
import type { Config } from "../../lib/spec/config.js";
import { differenceOf } from "../../lib/spec/difference.js";
import { diffText, dumpOf } from "../../lib/spec/dump.js";
import { soundConfig, texts } from "./trees.js";

/** All but where it stands. */
function contentOf({ daemon, http, disks, links }: Config) {
	const bare = disks.map(({ name, settings, values, disk, exports, broken }) => {
		return { name, settings, values, disk, exports, broken };
	});
	return { daemon, http, disks: bare, links };
}

t.test("any configuration reads back as the same", async (t) => {
	fc.assert(
		fc.property(texts, (text) => {
			const config = soundConfig(text);
			// Tables from a file have no prototype.
			assert.deepEqual(contentOf(soundConfig(dumpOf(config))), contentOf(config));
		}),
	);
	t.pass();
});

t.test("what is as it is anyway is not written", async (t) => {
	const text = "[daemon]\nworkers = 1\n[http]\nlisten = []\n[defaults]\nnetif = []\n";
	t.equal(dumpOf(soundConfig(text.replace("netif = []", "direct = true"))), "\n");
	const disk = '[disk.web]\nfile = "/srv/web"\n\n[disk.web.aoe]\nnetif = [ "eth0" ]\naddress = "9.0"\n';
	t.equal(
		dumpOf(soundConfig(`[defaults]\naoe.netif = ["eth0"]\n${disk.replace('netif = [ "eth0" ]\n', "")}`)),
		disk,
	);
});

t.test("a line for each difference", async (t) => {
	const disk = (name: string, settings: string) =>
		`[disk.${name}]\n${settings}\n[disk.${name}.aoe]\naddress = "9.${name.length}"\nnetif = ["eth0"]\n`;
	const before =
		disk("a", 'memory = "1M"') +
		disk("bb", 'file = "/b"\nlimit = { iops = 5000 }') +
		disk("ccc", 'memory = "1M"') +
		disk("eeeee", 'file = "/e"');
	const after =
		`[daemon]\nuser = "x"\n` +
		disk("bb", 'file = "/b"\nlimit = { iops = 6000 }').replace("eth0", "eth1") +
		disk("ccc", 'memory = "2M"') +
		disk("eeeee", 'file = "/f"') +
		'[disk.dddd]\nmemory = "1M"\naoe = { address = "9.9", netif = ["x*"] }';
	t.same(diffText(differenceOf(soundConfig(before), soundConfig(after))), [
		"daemon.user unset -> x (after a restart)",
		"disk a: removed, and what is in its memory is lost",
		"disk ccc: memory 1M -> 2M (closed and opened)",
		"disk ccc: closed and opened, and what is in its memory is lost",
		"disk eeeee: file /e -> /f (closed and opened)",
		"disk bb: limit.iops 5000 -> 6000 (live)",
		'disk bb: aoe.netif ["eth0"] -> ["eth1"] (served anew)',
		'disk dddd: added, but broken: netif "x*": no interface matches; there are eth0, eth1',
	]);
});
