/** Every key that a user may expect: those that there are, and those of floors that do not stand yet, which are told with the nearest one. */

import t from "tap";
import { good, read } from "./readings.js";

/** What there is, a line each; a disk's keys that concern AoE may stand in two places. */
const THERE: Readonly<Record<string, readonly string[]>> = {
	"[daemon]": ['state = "/var/lib/vblade"', 'user = "vblade"', 'allow = ["/srv/vblade"]', "workers = 1"],
	"[http]": ['listen = ["127.0.0.1:9470"]', 'token_file = "/etc/vblade/token"', "disk_histograms = false"],
	"[nbd]": ['listen = ["unix:/run/vblade/nbd.sock", "127.0.0.1:10809", "[::1]:10809"]'],
	"[disk.web.nbd]": [
		'name = "web"',
		'description = "the shop"',
		'clients = ["192.0.2.0/24", "2001:db8::7", "uid:1000"]',
		"readers = []",
	],
	"[iscsi]": ['listen = ["0.0.0.0:3260", "[::]:3260"]'],
	"[disk.web.iscsi]": [
		'target = "iqn.2026-11.org.example:web"',
		"lun = 0",
		"removable = false",
		'initiators = ["iqn.1993-08.org.debian:01:abc"]',
		'clients = ["192.0.2.0/24"]',
		'chap = { user = "web", secret_file = "/a", mutual_user = "us", mutual_secret_file = "/b" }',
	],
	"[defaults]": ['durability = "ack"', "read_only = true", 'aoe.netif = ["eth0"]', "limit.iops = 5"],
	"[pool.fast]": [
		'path = "/srv/vblade/fast"',
		'history = "1h"',
		'history_space = "10%"',
		'history_min = "0"',
		'keep = { hourly = "7d", daily = "30d" }',
	],
	"[store.attic]": [
		'type = "s3"',
		'endpoint = "https://objects.example.org"',
		'region = "us-east-1"',
		'style = "host"',
		'access_key = "..."',
		'secret_file = "/etc/vblade/attic.secret"',
		'auth = "http://127.0.0.1:8080/auth/v1.0"',
		'user = "test:tester"',
		'key_file = "/etc/vblade/attic.key"',
		'project = "backup"',
		'user_domain = "Default"',
		'project_domain = "Default"',
		'ca = "/etc/vblade/ca.pem"',
	],
	"[head.etcd]": [
		'endpoints = ["http://127.0.0.1:2379"]',
		'prefix = "vblade"',
		'ca = "/etc/vblade/ca.pem"',
		'certificate = "/etc/vblade/etcd.pem"',
		'key_file = "/etc/vblade/etcd.key"',
		'history = "6h"',
	],
	"[pool.gold]": [
		'store = "attic"',
		'container = "gold"',
		'prefix = "pools/gold"',
		'head = "etcd"',
		'log = "/var/lib/vblade/gold"',
		'log_size = "2G"',
		'cache_size = "20G"',
		'stable = "host"',
		'serve = "one"',
	],
	"[disk.web]": [
		'volume = "fast/web"',
		'file = "/srv/web.img"',
		'memory = "64M"',
		'remote = "nbd://host/web"',
		"resend = 20",
		'interval = "5s"',
		"read_only = false",
		"scratch = true",
		'limit = { iops = 5000, bandwidth = "100M", read_iops = 1, write_iops = 1, read_bandwidth = "4K", write_bandwidth = "4K" }',
		'durability = "flush"',
		"direct = true",
		"offset = 1",
		"length = 1",
		"buffer_count = 32",
		"force = true",
		"poll_us = 0",
		"no_xdp = true",
	],
	"[disk.web.aoe]": [
		'address = "9.0"',
		'netif = ["eth0"]',
		'macs = ["02:00:00:00:00:01"]',
		'config_string = "rack 7"',
		"buffer_count = 32",
		"force = true",
		"poll_us = 0",
		"no_xdp = true",
	],
};

t.test("what there is", async (t) => {
	for (const [table, lines] of Object.entries(THERE))
		for (const line of lines) {
			const found = read(`${table}\n${line}\n`);
			const unknown = Array.isArray(found) ? found.filter((message) => /no such/.test(message)) : [];
			t.same(unknown, [], `${table} ${line}`);
		}
	good(read("[defaults]\n[daemon]\n[http]\n[disk]\n"));
});

const NOT_THERE: readonly [text: string, told: string][] = [
	['[pool.fast]\npath = "/srv/fast"\nhistroy = "1h"', 'no such key "histroy"; did you mean "history"?'],
	["[boto]", 'no such table "boto"; did you mean "boot"?'],
	["[temptate.lab]", 'no such table "temptate"; did you mean "template"?'],
	["[stores.attic]", 'no such table "stores"; did you mean "store"?'],
	['[store.attic]\nend_point = "x"', 'no such key "end_point"; did you mean "endpoint"?'],
	[
		'[head.etcd]\nhistory = "long"',
		'history "long": a time is allowed, such as 30m, 1h or 7d, at most 3650d; 0 is none',
	],
	['[head.etcd]\nendpoint = "x"', 'no such key "endpoint"; did you mean "endpoints"?'],
	['[pool.gold]\nbucket = "gold"', 'no such key "bucket"; did you mean '],
	['[disk.web]\nlinaer = ["a"]', 'no such key "linaer"; did you mean "linear"?'],
	['[disk.web]\nmirrors = ["a", "b"]', 'no such key "mirrors"; did you mean "mirror"?'],
	['[disk.web.nbd]\nclient = ["192.0.2.7"]', 'no such key "client"; did you mean "clients"?'],
	['[nbd]\nlistens = ["unix:/run/nbd"]', 'no such key "listens"; did you mean "listen"?'],
	['[nbd]\nlts = { mode = "require" }', 'no such key "lts"; did you mean "tls"?'],
	["[disk.web.iscsi]\nluns = 0", 'no such key "luns"; did you mean "lun"?'],
	['[disk.web.iscsi]\nchap.secret = "a"', 'no such key "secret"'],
	// Where a key is that somebody has written beside its table.
	['[disk.web]\naddress = "9.0"', 'no such key "address"; did you mean "aoe.address"?'],
	['[disk.web]\nmac = ["x"]', 'no such key "mac"; did you mean "aoe.macs"?'],
	["[disk.web]\niops = 5", 'no such key "iops"; did you mean "limit.iops"?'],
	["[disk.web]\nreadonly = true", 'no such key "readonly"; did you mean "read_only"?'],
	["[disk.web]\nlimit.bandwith = 5", 'no such key "bandwith"; did you mean "bandwidth"?'],
	['[defaults]\nnetif = ["eth0"]', 'no such key "netif"; did you mean "aoe.netif"?'],
];

t.test("what there is not, with what is nearest to it", async (t) => {
	for (const [text, told] of NOT_THERE) {
		const found = read(`${text}\n`);
		const messages = Array.isArray(found) ? found : [];
		t.ok(
			messages.some((message) => message.includes(told)),
			`${text}: ${messages.join()}`,
		);
	}
});
