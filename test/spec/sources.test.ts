/** A configuration of several files, disks that get in each other's way, and Debian's exports. Mirrors lib/spec/config.ts. */

import t from "tap";
import { good, read, readSources, refuses, WEB } from "./readings.js";

t.test("several files", async (t) => {
	const more =
		'[daemon]\nworkers = 3\n[disk.two]\nmemory = "1M"\naoe = { address = "9.1", netif = ["eth0"] }\n';
	const { daemon, disks } = good(read(`[daemon]\nuser = "x"\n${WEB}`, more));
	t.match(daemon, { user: "x", workers: 3 });
	t.same(
		disks.map(({ name, placeOf }) => [name, placeOf().file]),
		[
			["web", "0.toml"],
			["two", "1.toml"],
		],
	);
	t.same(read(`[daemon]\nworkers = 1\n${WEB}`, `${more}${WEB}`), [
		"1.toml:2:1: daemon.workers is already at 0.toml:2:1",
		"1.toml:6:7: [disk.web] is already at 0.toml:3:7",
	]);
});

t.test("what one file seems to lack may be in another that can't be read", async (t) => {
	const two = '[disk.two]\nmemory = "1M"\naoe.address = "9.1"\n';
	const defaults = '[defaults.aoe]\nnetif = ["eth0"]\n';
	t.equal(good(read(defaults, two)).disks.length, 1);
	t.same(read(`${defaults}[disk\n`, two), ["0.toml:3:6: not TOML: illegal character in key"]);
});

t.test("what two disks can't both have", async (t) => {
	const disk = (name: string, settings: string, aoe: string) =>
		`[disk.${name}]\n${settings}\n[disk.${name}.aoe]\n${aoe}\n`;
	refuses(
		t,
		disk("a", 'memory = "1M"', 'address = "1.1"\nnetif = ["eth*"]') +
			disk("b", 'memory = "1M"', 'address = "1.1"\nnetif = ["lo", "eth1"]') +
			disk("c", 'memory = "1M"', 'address = "1.1"\nnetif = ["lo"]'),
		"9:1: disk b: disk a (0.toml:4:1) has the address 1.1 on eth1 already",
		"14:1: disk c: disk b (0.toml:9:1) has the address 1.1 on lo already",
	);
	const at = (slot: number) => `address = "1.${slot}"\nnetif = ["eth0"]`;
	const files = (one: string, other: string) =>
		disk("a", `file = "/x"\n${one}`, at(0)) + disk("b", `file = "/./x"\n${other}`, at(1));
	refuses(
		t,
		files("read_only = true", ""),
		"8:1: disk b: disk a (0.toml:2:1) has the same part of /x, and one of them may write",
	);
	refuses(
		t,
		files("length = 9", "offset = 8"),
		"8:1: disk b: disk a (0.toml:2:1) has the same part of /x, and one of them may write",
	);
	good(read(files("length = 8", "offset = 8")));
	good(read(files("read_only = true", "read_only = true")));
	refuses(
		t,
		disk("a", "poll_us = 10", `${at(0)}\n`).replace("poll_us", 'memory = "1M"\npoll_us') +
			disk("b", 'memory = "1M"', `${at(1)}\npoll_us = 20\n`) +
			disk("c", 'memory = "1M"', at(2)),
		"13:1: disk b: disk a (0.toml:3:1) has another value, and poll_us is for all that is served on eth0",
	);
});

t.test("a way that the daemon has not got breaks its disk alone", async (t) => {
	const text = WEB.replace("eth0", "pcap:eth0");
	const [web] = good(read(text)).disks;
	t.match(web, { exports: [], broken: /^netif "pcap:eth0": libpcap is not to be had in the daemon, / });
});

t.test("a glob that matches nothing breaks its disk alone", async (t) => {
	const text = `${WEB}[disk.b]\nmemory = "1M"\naoe = { address = "9.0", netif = ["wlan*"] }`;
	const { disks, links } = good(read(text));
	t.match(disks, [
		{ broken: undefined },
		{ broken: 'netif "wlan*": no interface matches; there are lo, eth0, eth1', exports: [] },
	]);
	t.equal(links.length, 1);
});

t.test("what commands have added comes after the files", async (t) => {
	const files = [{ path: "0.toml", text: WEB }];
	const runtime = (text: string) => ({ files, debian: [], runtime: { path: "runtime.toml", text } });
	const other = WEB.replace("srv/web", "srv/more");
	const config = good(readSources(runtime(`${other}${other.replaceAll("web", "more")}`)));
	t.match(config.disks, [
		{ name: "web", origin: "file", broken: undefined, disk: { storage: { path: "/srv/web.img" } } },
		{
			name: "more",
			origin: "runtime",
			exports: [],
			broken: /disk web .* has the address 9\.0 on eth0 already/,
		},
	]);
	t.match(config.warnings, [
		{ message: "runtime.toml:1:7: not followed: [disk.web] is already at 0.toml:1:7" },
		{ message: /^runtime\.toml:9:1: disk more: disk web/ },
	]);
	t.same(readSources(runtime("[daemon]\nworkers = 2")), [
		'runtime.toml:1:2: no such table "daemon"; did you mean "disk"?',
	]);
});

t.test("Debian's exports are disks", async (t) => {
	const debian = (text: string) => ({ files: [], debian: [{ path: "/etc/vblade.conf.d/old.conf", text }] });
	const text = "shelf=07\nslot=1\nnetif='eth*'\nfilename=/dev/sdb\n";
	const options = "options='-r -b 4 -m 02:00:00:00:00:01,020000000002 -o8 --user=x --poll-us 7'\n";
	const { disks, links, warnings } = good(readSources(debian(`${text}${options}ionice=-c2\n`)));
	t.match(disks, [
		{
			...{ name: "old", origin: "debian" },
			disk: { storage: { path: "/dev/sdb" }, readOnly: true, offsetSectors: 8 },
			exports: [{ shelf: 7, slot: 1, bufferCount: 4, macs: [0x020000000001, 0x020000000002] }],
		},
	]);
	t.match(links, [{ pollUs: 7 }, { pollUs: 7 }]);
	t.match(
		warnings.map(({ what, place }) => `${place.line}: ${what}`),
		[
			"5: --user is not followed: it is for all disks or none",
			"6: ionice is not followed: one process serves all disks",
		],
	);
	const without = good(readSources(debian(text.replace("slot=1", "slot="))));
	t.match(without, { disks: [], warnings: [{ message: /old\.conf:2:1: slot= is empty/ }] });
	t.match(good(readSources(debian("# shelf=\n"))), { disks: [], warnings: [] });
	const wrong: [string, string][] = [
		[text.replace("07", "65535"), '1:1: shelf "65535": a shelf is a number from 0 to 65534'],
		[
			text.replace("/dev", "dev"),
			'4:1: file "dev/sdb": an absolute path is allowed, such as /srv/vblade/web.img',
		],
		[`${text}options=--x`, '5:1: option "--x": there is none of this name; see vblade --help'],
		[
			`${text}options='-s --durability=none'`,
			'5:1: durability "none": contradicts -s, which means --durability=ack',
		],
		[
			text.replace("eth*", "e h"),
			'3:1: netif "e h": an interface (eth0), a list (eth0,eth1), a glob (eth*), pcap:NAME, gre:ADDRESS or unix:PATH is allowed',
		],
	];
	for (const [given, error] of wrong)
		t.same(readSources(debian(given)), [`/etc/vblade.conf.d/old.conf:${error}`]);
});
