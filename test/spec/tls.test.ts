// TLS as an operator asks for it: addresses of remote disks behind it, the files that they have of those of [nbd] tls, and what of that is
// told again.

import t from "tap";
import { differenceOf } from "../../lib/spec/difference.js";
import { dumpOf } from "../../lib/spec/dump.js";
import { readDaemonRemote, readRemote } from "../../lib/spec/remote.js";
import { clientFilesOf } from "../../lib/spec/tls.js";
import { good, read, refuses } from "./readings.js";

t.test("addresses: whom the certificate names, whose key it is, and files on the command line", async (t) => {
	const tls = (address: string) => readRemote("filename", address).tls;
	t.strictSame(tls("nbd://host/web"), undefined);
	t.strictSame(tls("nbds://host/web"), { files: {}, host: "host", user: null });
	t.strictSame(tls("nbds://al%20ice@[::1]:99/web?tls-psk-file=/k%20eys"), {
		files: { pskFile: "/k eys" },
		host: "::1",
		user: "al ice",
	});
	t.strictSame(tls("nbds+unix:///web?socket=/s&tls-certificates=/pki"), {
		files: {
			ca: "/pki/ca-cert.pem",
			certificate: "/pki/client-cert.pem",
			keyFile: "/pki/client-key.pem",
			isOptional: true,
		},
		host: null,
		user: null,
	});
	t.strictSame(tls("nbds+unix://alice@/web?socket=/s"), { files: {}, host: null, user: "alice" });
	for (const address of [
		"nbds://alice:word@host/web",
		"nbds+unix://alice:word@/web?socket=/s",
		"nbds+unix://alice@host/web?socket=/s",
		"nbd+unix://alice@/web?socket=/s",
		"nbd://alice@host/web",
		"nbd://host/web?tls-psk-file=/keys",
		"nbds://host/web?tls-verify-peer=0",
		"nbds://%ff@host/web",
	])
		t.throws(() => tls(address), { message: /^filename "/ }, address);
});

t.test("in a configuration files are those of [nbd] tls", async (t) => {
	t.strictSame(readDaemonRemote("nbds://alice@host/web").tls, { host: "host", user: "alice" });
	t.throws(() => readDaemonRemote("nbds://host/web?tls-psk-file=/keys"), {
		message: /named by tls of \[nbd\]/,
	});
	const all = { certificate: "/c", keyFile: "/k", ca: "/ca", pskFile: "/psk", ciphers: "X" };
	t.strictSame(clientFilesOf(all, true), { pskFile: "/psk", ciphers: "X" }, "who names a user has a key");
	const { pskFile, ...certificates } = all;
	t.strictSame(clientFilesOf(all, false), certificates, "who names none has certificates");
	t.strictSame(clientFilesOf({ pskFile }, false), { pskFile }, "or a key, if there is nothing else");
	t.strictSame(clientFilesOf({}, false), {}, "or what the system trusts");
	t.throws(() => clientFilesOf(certificates, true), { message: /no file of keys \(PSK\)/ });
});

t.test(
	"files for remote disks alone are there without a server's TLS, and are dumped and compared",
	async (t) => {
		const of = (text: string) => good(read(`[nbd]\n${text}\n`));
		const again = (text: string) => good(read(dumpOf(of(text)))).nbd.tls;
		const own = 'tls = { mode = "off", ca = "/ca.pem" }';
		t.strictSame(of(own).nbd.tls, { server: undefined, remote: { ca: "/ca.pem" } });
		t.strictSame(again(own), of(own).nbd.tls, "also from what dump writes");
		t.strictSame(again('tls = { mode = "off" }'), { server: undefined, remote: {} });
		const both = 'tls = { mode = "offer", certificate = "/c", key_file = "/k", threads = 2 }';
		t.match(of(both).nbd.tls, { server: { isRequired: false, threads: 2 }, remote: { certificate: "/c" } });
		t.strictSame(again(both), of(both).nbd.tls);
		t.match(JSON.stringify(differenceOf(of(own), of('tls = { mode = "off", ca = "/b.pem" }'))), /"nbd\.tls"/);
		refuses(
			t,
			'[nbd]\ntls = { mode = "off", key_file = "/k" }',
			"2:1: tls.key_file: tls.certificate is missing, which belongs to it",
		);
		refuses(t, '[nbd]\ntls = { ca = "/ca" }', "2:1: tls.mode is missing: off, offer or require");
	},
);
