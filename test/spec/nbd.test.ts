/** Disks over NBD in a configuration: what is understood, what is refused and where, and who is in a list. Mirrors lib/spec/nbd.ts, peers.ts. */

import t from "tap";
import { nbdExportOf } from "../../lib/spec/exports.js";
import { Peers, readPeers } from "../../lib/spec/peers.js";
import { good, read } from "./readings.js";

const LISTEN = '[nbd]\nlisten = ["unix:/run/vblade/nbd.sock", "[::1]:10809"]\n';
const disk = (name: string, nbd: string, more = ""): string =>
	`[disk.${name}]\nmemory = "1M"\n${more}[disk.${name}.nbd]\n${nbd}`;

t.test("a disk is called by its own name, and has what holds for all", async (t) => {
	const text = `${LISTEN}[defaults.nbd]\nclients = ["uid:7"]\n${disk("a", "")}${disk("b", 'name = ""\nclients = []\n')}[disk.c]\nmemory = "1M"\n`;
	const { disks, nbd, warnings } = good(read(text));
	t.same(warnings, []);
	t.same(
		nbd.listen.map(({ kind }) => kind),
		["unix", "tcp"],
	);
	const exports = disks.map((each) => nbdExportOf(each.exports));
	t.match(exports[0], { name: "nbd:a", disk: "a", exportName: "a", clients: [{ kind: "uid", uid: 7 }] });
	t.match(exports[1], { exportName: "", clients: [] });
	t.equal(exports[2], undefined, "what holds for all makes no export");
});

t.test("what is wrong is told with its place", async (t) => {
	const cases: readonly [text: string, told: RegExp][] = [
		[
			`${LISTEN}${disk("a", "")}${disk("b", 'name = "a"')}`,
			/^0.toml:9:1: disk b: disk a \(0.toml:5:9\) has the name "a" of NBD's already/,
		],
		[
			'[nbd]\nlisten = ["10809"]',
			/^0.toml:2:11: listen "10809": unix:PATH, or .* such as 127.0.0.1:10809 or/,
		],
		['[nbd]\nlisten = ["unix:rel"]', /^0.toml:2:11: listen "unix:rel": an absolute path is allowed/],
		[
			'[nbd]\nlisten = ["unix:/a", "unix:/a"]',
			/^0.toml:2:\d+: nbd.listen "unix:\/a": nbd.listen has it already$/,
		],
		['[nbd]\nlisten = ["0.0.0.0:99999"]', /^0.toml:2:11: port "99999"/],
		[
			'[http]\nlisten = ["127.0.0.1:9470"]\n[nbd]\nlisten = ["127.0.0.1:9470"]',
			/^0.toml:4:11: nbd.listen "127.0.0.1:9470": http.listen has it already/,
		],
		[disk("a", 'clients = ["cn:"]'), /^0.toml:4:\d+: clients "cn:": a name has 1 to 256 bytes/],
		[
			disk("a", 'readers = ["192.0.2.0/33"]'),
			/^0.toml:4:\d+: readers "192.0.2.0\/33": an address, a range, a user or a name/,
		],
		[disk("a", 'clients = ["localhost"]'), /clients "localhost"/],
	];
	for (const [text, told] of cases) {
		const found = read(text);
		t.match(Array.isArray(found) ? found.join("\n") : "nothing is wrong", told, text);
	}
	t.match(
		good(read(disk("a", ""))).warnings.map(({ message }) => message),
		[/:3:\d+: disk a: nobody can connect to it: \[nbd\] listen is missing/],
	);
	const secured = (tls: string): string =>
		`[nbd]\nlisten = ["unix:/run/nbd"]\n${tls}${disk("a", 'clients = ["cn:backup", "psk:alice", "uid:7"]')}\n[disk.b]\nremote = "nbds://bob@host/b"\n`;
	const NOBODY_CN = /disk a: nobody can be cn:backup: \[nbd\] tls\.ca is missing/;
	const NO_KEY = /disk b: there is no key \(PSK\) of "bob": \[nbd\] tls\.psk_file is missing/;
	for (const [tls, told] of [
		[
			"",
			[
				/nobody can be cn:backup: \[nbd\] tls is missing/,
				/nobody can be psk:alice: \[nbd\] tls is missing/,
				NO_KEY,
			],
		],
		['tls = { mode = "require", psk_file = "/keys" }\n', [NOBODY_CN]],
		[
			'tls = { mode = "off", psk_file = "/keys" }\n',
			[/cn:backup: \[nbd\] tls is/, /psk:alice: \[nbd\] tls is/],
		],
	] as const) {
		const found = good(read(secured(tls))).warnings.map(({ message }) => message);
		t.match(found, told, tls);
		t.equal(found.length, told.length, tls);
	}
});

t.test("who is in a list", async (t) => {
	const peers = new Peers(
		readPeers("clients", ["192.0.2.0/24", "198.51.100.7", "2001:db8::/32", "uid:1000"]),
	);
	const IN = [
		"192.0.2.255:1",
		"198.51.100.7:65535",
		"[2001:db8:1::1]:10",
		"[::ffff:192.0.2.9]:10",
		"unix:pid 12 uid 1000",
	];
	const OUT = [
		"192.0.3.1:1",
		"198.51.100.8:1",
		"[2001:db9::1]:1",
		"[::ffff:192.0.3.9]:1",
		"unix:pid 12 uid 100",
		"unix:/x",
		"",
	];
	for (const peer of IN) t.ok(peers.has(peer, null), peer);
	for (const peer of OUT) t.notOk(peers.has(peer, null), peer);
	t.ok(new Peers(readPeers("clients", ["0.0.0.0/0"])).has("203.0.113.1:1", null));
	const named = new Peers(readPeers("clients", ["cn:backup", "psk:alice", "192.0.2.1"]));
	for (const identity of ["cn:backup", "psk:alice"]) t.ok(named.has("203.0.113.1:1", identity), identity);
	for (const identity of ["cn:alice", "psk:backup", "cn:", "backup", null])
		t.notOk(named.has("203.0.113.1:1", identity), String(identity));
	t.notOk(named.has("cn:backup", null), "where somebody is says nothing of who he is");
	t.ok(named.has("192.0.2.1:5", "cn:alice"), "an address is enough, where one is named");
	t.throws(() => readPeers("clients", Array(1025).fill("192.0.2.1")), /at most 1024/);
});
