/** A configuration: what it comes to, and what is told, with places, of one that is wrong. Mirrors lib/spec/config.ts. */

import t from "tap";
import { good, read, refuses, WEB } from "./readings.js";

t.test("a disk, with what holds if nothing is said", async (t) => {
	const { daemon, http, disks, links, warnings } = good(read(WEB));
	t.strictSame(daemon, { state: "/var/lib/vblade", user: undefined, allow: [], workers: 1 });
	t.strictSame(http, { listen: [], tokenFile: undefined, diskHistograms: false });
	const [web] = disks;
	t.strictSame(web?.disk, {
		name: "web",
		storage: { kind: "file", name: "/srv/web.img", path: "/srv/web.img" },
		offsetSectors: 0,
		lengthSectors: undefined,
		readOnly: false,
		direct: false,
		durability: "ack",
	});
	const netif = { kind: "interface", name: "eth0" };
	t.strictSame(web?.exports, [
		{
			protocol: "aoe",
			name: "web",
			disk: "web",
			shelf: 9,
			slot: 0,
			netifs: [netif],
			macs: undefined,
			bufferCount: 16,
			force: false,
		},
	]);
	t.strictSame(links, [{ netif, pollUs: 50, xdp: true }]);
	t.strictSame(warnings, []);
	t.strictSame(web?.placeOf(), { file: "0.toml", line: 1, column: 7 });
	t.strictSame(web?.placeOf(["aoe", "netif", 0]), { file: "0.toml", line: 5, column: 10 });
	t.same(web?.settings, { file: "/srv/web.img", aoe: { address: "9.0", netif: ["eth0"] } });
});

t.test("every key", async (t) => {
	const { daemon, http, disks, links } = good(
		read(`
[daemon]
state = "/state"
user = "disks"
allow = ["/srv", "/mnt"]
workers = 2
[http]
listen = ["127.0.0.1:9470", "[::1]:80"]
token_file = "/etc/token"
disk_histograms = true
[disk.a]
memory = "64M"
read_only = true
durability = "flush"
direct = true
offset = 8
length = 16
limit = { iops = 1, bandwidth = "8K", read_iops = 2, write_iops = 3, read_bandwidth = "1M", write_bandwidth = 5000 }
[disk.a.aoe]
address = "65534.254"
netif = ["eth*", "lo", "unix:/run/a,b"]
macs = ["02:00:00:00:00:0A", "02-00-00-00-00-0b"]
config_string = "caf\\u00e9"
buffer_count = 2
force = true
poll_us = 0
no_xdp = true
`),
	);
	t.strictSame(daemon, { state: "/state", user: "disks", allow: ["/srv", "/mnt"], workers: 2 });
	t.strictSame(http, {
		listen: [
			{ name: "127.0.0.1:9470", host: "127.0.0.1", port: 9470 },
			{ name: "[::1]:80", host: "::1", port: 80 },
		],
		tokenFile: "/etc/token",
		diskHistograms: true,
	});
	t.match(disks[0]?.disk, {
		storage: { kind: "memory", name: "mem:64M", sizeBytes: 2 ** 26 },
		...{ readOnly: true, durability: "flush", direct: true, offsetSectors: 8, lengthSectors: 16 },
		limit: {
			...{ iops: 1, bandwidth: 8192, readIops: 2, writeIops: 3 },
			...{ readBandwidth: 2 ** 20, writeBandwidth: 5000 },
		},
	});
	t.match(disks[0]?.exports[0], {
		...{ shelf: 65534, slot: 254, bufferCount: 2, configString: "caf\u00e9", force: true },
		macs: [0x02000000000a, 0x02000000000b],
	});
	t.strictSame(
		links.map(({ netif, ...link }) => [netif.name, link]),
		["eth0", "eth1", "lo", "unix:/run/a,b"].map((name) => [name, { pollUs: 0, xdp: false }]),
	);
});

t.test("what is wrong has a place, and the nearest key", async (t) => {
	refuses(
		t,
		'[daemon]\nworker = 2\n[disk.web]\nfile = "/a"\ndurabilty = "ack"\n[dsk.x]\n[disk.web.aoe]\nadress = "9.0"\n',
		'2:1: no such key "worker"; did you mean "workers"?',
		'5:1: no such key "durabilty"; did you mean "durability"?',
		'6:2: no such table "dsk"; did you mean "disk"?',
		'8:1: no such key "adress"; did you mean "address"?',
	);
	refuses(t, "x = 1\n[disk\n", "2:6: not TOML: illegal character in key");
});

const VALUES: readonly [line: string, error: string][] = [
	['read_only = "yes"', "4:1: read_only: true or false is expected"],
	['file = "a"', '4:1: file "a": an absolute path is allowed, such as /srv/vblade/web.img'],
	['memory = "0M"', '4:1: memory "0M": a size is a number above 0 with K, M, G or T, as in 64M'],
	["offset = -1", '4:1: offset "-1": an offset in sectors is a number from 0 to 17592186044415'],
	["length = 1.5", '4:1: length "1.5": a length in sectors is a number from 1 to 17592186044415'],
	['durability = "none at all"', '4:1: durability "none at all": ack, flush or none is allowed'],
	[
		"limit = { iops = 0 }",
		'4:11: iops "0": a number of operations per second is a number from 1 to 1000000000',
	],
	["limit = { bandwidth = true }", '4:11: bandwidth: bytes per second are expected, as in "100M"'],
	["limit = 5", "4:1: limit: a table is expected"],
	['aoe.address = "9"', '4:5: address "9": shelf and slot are allowed, as in 9.0'],
	['aoe.address = "9.255"', '4:5: slot "255": a slot is a number from 0 to 254'],
	['aoe.netif = "eth0"', "4:5: netif: a list is expected"],
	['aoe.netif = ["eth0", "a b"]', '4:22: netif "a b": an interface (eth0), a list (eth0,eth1), '],
	['aoe.macs = ["02:00:00:00:00:01", "x"]', '4:34: mac "x": an address is 6 pairs of hexadecimal digits, '],
	["aoe.macs = [1]", "4:13: macs: text in quotes is expected"],
	["aoe.buffer_count = 1", '4:5: buffer_count "1": a buffer count is a number from 2 to 65535'],
	["poll_us = 1001", '4:1: poll_us "1001": a time in microseconds is a number from 0 to 1000'],
	['aoe.config_string = "\\u0100"', '4:5: config_string "Ā": at most 1024 characters of Latin-1 are allowed'],
];

t.test("every value is checked, and all that is wrong is told", async (t) => {
	for (const [line, error] of VALUES) {
		const found = read(`# a\n[daemon]\n[disk.web]\n${line}\n[disk.two]\nx = 1\n`);
		if (!Array.isArray(found)) throw new Error(line);
		t.equal(found[0]?.slice(0, `0.toml:${error}`.length), `0.toml:${error}`);
		t.match(found.at(-1), /^0\.toml:6:1: no such key "x"; did you mean /, "the next disk's too");
	}
});

t.test("what only a whole disk can lack", async (t) => {
	refuses(t, "[disk.a]", "1:7: disk a: file, memory, volume, remote, linear or mirror is missing");
	refuses(t, '[disk.a]\nfile = "/a"\nmemory = "1M"', "3:1: disk a: it has a file already");
	refuses(
		t,
		'[disk.a]\nfile = "/a"\n[disk.a.aoe]\nnetif = []\n[disk.b]\n[disk."/"]',
		"3:9: disk a: aoe.address is missing",
		"4:1: disk a: aoe.netif is missing, or empty",
		"5:7: disk b: file, memory, volume, remote, linear or mirror is missing",
		'6:7: disk "/": a name is 1 to 64 letters (a-z), digits, and -_. but not - or . at its beginning',
	);
	refuses(
		t,
		'[disk.a]\nfile = "/a"\nresend = 3\ninterval = "1s"',
		"3:1: disk a: resend is for what has a remote",
		"4:1: disk a: interval is for what has a remote",
	);
	const { disks } = good(read('[disk.a]\nfile = "/a"'));
	t.match(disks, [{ exports: [], broken: undefined }], "one that nobody serves may be part of another");
});

t.test("remote disks", async (t) => {
	const remote = (more: string) => good(read(`[disk.a]\n${more}`)).disks[0]?.disk.storage;
	t.strictSame(remote('remote = "nbd://host/a%2Fb%20c"'), {
		kind: "remote",
		name: "nbd://host/a%2Fb%20c",
		server: { kind: "tcp", host: "host", port: 10809 },
		exportName: "a/b c",
		resend: 20,
		intervalMs: 5000,
	});
	t.match(remote('remote = "nbd://[::1]:99/"\nresend = 1\ninterval = "2m"'), {
		server: { kind: "tcp", host: "::1", port: 99 },
		exportName: "",
		resend: 1,
		intervalMs: 120_000,
	});
	t.match(remote('remote = "nbd+unix:///x?socket=/run/a%20b"'), {
		server: { kind: "unix", path: "/run/a b" },
		exportName: "x",
	});
	t.match(remote('remote = "aoe:eth0.7:65534.254"\ninterval = "1s"'), {
		name: "aoe:eth0.7:65534.254",
		server: { kind: "aoe", netif: { kind: "interface", name: "eth0.7" }, shelf: 65534, slot: 254 },
		intervalMs: 1000,
	});
	for (const address of [
		...["aoe:eth0", "aoe:eth0:9", "aoe:eth0:65535.0", "aoe:eth0:9.255", "aoe::9.0", "aoe:eth*:9.0"],
		...["aoe:a,b:9.0", "aoe:unix:/x:9.0", "aoe:gre:192.0.2.7:9.0"],
		"http://host/x",
		"nbd:/x",
		"nbd://",
		"nbd://a b/",
		"nbd://host:0/",
		"nbd://host/x?y=1",
		"nbd+unix://host/x?socket=/s",
		"nbd+unix:///x?sock=/s",
		"nbd+unix:///x?socket=",
		`nbd+unix:///x?socket=/${"s".repeat(107)}`,
		`nbd://host/${"x".repeat(4097)}`,
		"nbd://host/%ff",
		"nbd://me:secret@host/x",
		"nbd://host/x#y",
	]) {
		const [found] = read(`[disk.a]\nremote = "${address}"`) as string[];
		t.match(found, /^0\.toml:2:1: remote /, address);
	}
	refuses(t, '[disk.a]\nremote = "nbd://h/x"\ninterval = "0"', '3:1: interval "0": from 1s to 1h is allowed');
	refuses(
		t,
		'[disk.a]\nremote = "nbd://h/x"\nresend = 0',
		'3:1: resend "0": a number of intervals is a number from 1 to 1000',
	);
});

t.test("what holds for all disks, and what a disk says itself", async (t) => {
	const defaults = `[defaults]
memory = "1M"
durability = "flush"
buffer_count = 32
limit = { iops = 10, bandwidth = "1M" }
[defaults.aoe]
netif = ["eth1"]
force = true
`;
	const { disks } = good(
		read(
			`${defaults}[disk.a]\naoe.address = "1.1"\n[disk.b]\nfile = "/b"\nlimit = {}\nbuffer_count = 8\naoe = { address = "1.2", force = false, netif = ["eth0"] }`,
		),
	);
	t.match(disks[0], {
		disk: { storage: { kind: "memory" }, durability: "flush" },
		exports: [{ bufferCount: 32, force: true, netifs: [{ name: "eth1" }] }],
		settings: { aoe: { buffer_count: 32 } },
	});
	t.match(disks[1], {
		disk: { storage: { kind: "file", path: "/b" } },
		exports: [{ bufferCount: 8, force: false, netifs: [{ name: "eth0" }] }],
		settings: { limit: {} },
	});
	t.notOk("memory" in (disks[1]?.settings ?? {}));
	t.notOk("buffer_count" in (disks[1]?.settings ?? {}), "it is in aoe");
});
