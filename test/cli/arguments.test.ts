/** The command line: what is understood, and how everything else is refused. Mirrors lib/cli/arguments.ts and netif.ts. */

import fc from "fast-check";
import t, { type Test } from "tap";
import { type Invocation, parseArguments } from "../../lib/cli/arguments.js";
import { FORMS, SERVE } from "../../lib/cli/options.js";
import type { BladeArguments, ServeOptions } from "../../lib/cli/specs.js";
import { helpText } from "../../lib/cli/usage.js";
import { OperatorError } from "../../lib/errors.js";

const OPTIONS: Parameters<typeof helpText>[0]["options"] = SERVE.options;
const BLADE = ["9", "0", "eth0", "disk.img"];
const PRESENT = ["lo", "eth0", "eth1", "eth10", "wlan0", "br-lan", "e.x"];

function parse(...argv: string[]): Invocation {
	return parseArguments(argv, () => PRESENT);
}

function serve(...argv: string[]): {
	blades: readonly BladeArguments[];
	options: ServeOptions;
	verbose: boolean;
} {
	const invocation = parse(...argv);
	if (invocation.kind !== "serve") throw new Error(`parsed as ${invocation.kind}`);
	return invocation;
}

function options(...argv: string[]): ServeOptions {
	return serve(...argv, ...BLADE).options;
}

/** The names of the ports that a `netif` argument means. */
function ports(netif: string): string[] {
	return serve("9", "0", netif, "f").blades.flatMap(({ netifs }) => netifs.map(({ name }) => name));
}

function refuses(t: Test, argv: string[], message: string): void {
	t.throws(() => parse(...argv), { name: "OperatorError", message }, JSON.stringify(argv));
}

t.test("without options, the defaults of the manual", async (t) => {
	t.strictSame(parse(...BLADE), {
		kind: "serve",
		blades: [
			{
				shelf: 9,
				slot: 0,
				netifs: [{ kind: "interface", name: "eth0" }],
				storage: { kind: "file", name: "disk.img", path: "disk.img" },
			},
		],
		options: {
			bufferCount: 16,
			direct: false,
			...{ readOnly: false, scratch: false },
			macs: undefined,
			offsetSectors: 0,
			lengthSectors: undefined,
			durability: "ack",
			pollUs: 50,
			xdp: true,
			user: undefined,
			force: false,
		},
		verbose: false,
	});
});

t.test("options as getopt reads them", async (t) => {
	t.match(options("-rsd", "-b32"), { readOnly: true, direct: true, durability: "ack", bufferCount: 32 });
	t.match(options("-rb32"), { readOnly: true, bufferCount: 32 });
	t.match(options("-rb", "32"), { readOnly: true, bufferCount: 32 });
	t.match(options("-o8", "-l", "16"), { offsetSectors: 8, lengthSectors: 16 });
	t.equal(options("-b", "8", "-b", "9").bufferCount, 9, "the last wins");
	const after = serve(...BLADE, "-d", "-o", "1");
	t.match(after.options, { direct: true, offsetSectors: 1 }, "options may come last");
	t.match(
		serve("9", "-r", "0", "eth0", "-d", "f").options,
		{ readOnly: true, direct: true },
		"or in between",
	);
	t.match(serve("--", "9", "0", "eth0", "-r"), {
		options: { readOnly: false },
		blades: [{ storage: { path: "-r" } }],
	});
});

t.test("each option has a long name", async (t) => {
	const long = options(
		"--buffer-count=2",
		"--direct",
		"--read-only",
		"--offset",
		"3",
		"--length=4",
		"--poll-us=0",
		"--no-xdp",
		"--user=nobody",
		"--force",
	);
	t.match(long, {
		bufferCount: 2,
		direct: true,
		readOnly: true,
		offsetSectors: 3,
		lengthSectors: 4,
		pollUs: 0,
		xdp: false,
		user: "nobody",
		force: true,
	});
	t.equal(serve("--verbose", ...BLADE).verbose, true);
	for (const durability of ["ack", "flush", "none"])
		t.equal(options(`--durability=${durability}`).durability, durability);
	t.equal(options("--durability=ack", "--sync").durability, "ack");
	t.strictSame(parse("--help"), { kind: "help" });
	t.strictSame(parse("--version", "9"), { kind: "version" });
});

t.test("MAC addresses: either case, with colons or without, several", async (t) => {
	const expected = [0x001b213a4c5d, 0xaabbccddeeff];
	t.strictSame(options("-m", "00:1b:21:3a:4c:5d,AABBCCDDEEFF").macs, expected);
	t.strictSame(options("-m001B213A4C5D", "-maabbccddeeff").macs, expected, "joined and repeated");
	t.strictSame(options("-m", "aabbccddeeff,aa:bb:cc:dd:ee:ff").macs, [0xaabbccddeeff], "once each");
	for (const wrong of ["", "00:1b:21:3a:4c", "00:1b:21:3a:4c:5g", "0:1b:21:3a:4c:5d", "00:1b213a4c5d"])
		refuses(
			t,
			["-m", `aabbccddeeff,${wrong}`, ...BLADE],
			`mac "${wrong}": an address is 6 pairs of hexadecimal digits, such as 00:1b:21:3a:4c:5d`,
		);
	const many = Array.from({ length: 256 }, (_, index) => index.toString(16).padStart(12, "0"));
	t.equal(options("-m", many.slice(1).join(",")).macs?.length, 255);
	refuses(t, ["-m", many.join(","), ...BLADE], "mac: 256 addresses are given; at most 255 are allowed");
});

t.test("numbers are decimal and in range", async (t) => {
	const junk = ["abc", "1e3", "0x9", "", "-1", "+1", " 1", "1 ", "1.0", "١", "9".repeat(400)];
	for (const wrong of ["65535", "70000", ...junk])
		t.throws(
			() => parse("--", wrong, "0", "eth0", "f"),
			/^shelf ".*": a shelf is a number from 0 to 65534$/s,
			wrong,
		);
	for (const wrong of ["255", "300", ...junk])
		t.throws(
			() => parse("--", "9", wrong, "eth0", "f"),
			/^slot ".*": a slot is a number from 0 to 254$/s,
			wrong,
		);
	for (const wrong of ["0", "1", "65536", ...junk])
		t.throws(
			() => options("-b", wrong),
			/^buffer count ".*": a buffer count is a number from 2 to 65535$/s,
			wrong,
		);
	for (const wrong of ["17592186044416", ...junk])
		t.throws(
			() => options("-o", wrong),
			/^offset ".*": an offset in sectors is a number from 0 to 17592186044415$/s,
		);
	for (const wrong of ["0", "17592186044416", ...junk])
		t.throws(
			() => options("-l", wrong),
			/^length ".*": a length in sectors is a number from 1 to 17592186044415$/s,
		);
	refuses(t, ["70000", "0", "eth0", "f"], 'shelf "70000": a shelf is a number from 0 to 65534');
	t.match(serve("65534", "254", "eth0", "f").blades, [{ shelf: 65534, slot: 254 }]);
	t.match(options("-b", "65535", "-o", "17592186044415", "-l", "17592186044415").offsetSectors, 2 ** 44 - 1);
});

t.test("options that do not exist, lack a value or have one too many", async (t) => {
	refuses(t, ["-x", ...BLADE], 'option "-x": there is none of this name; see vblade --help');
	refuses(t, ["-rx", ...BLADE], 'option "-x": there is none of this name; see vblade --help');
	refuses(t, ["--buffers=3", ...BLADE], 'option "--buffers": there is none of this name; see vblade --help');
	refuses(
		t,
		["--__proto__=3", ...BLADE],
		'option "--__proto__": there is none of this name; see vblade --help',
	);
	refuses(t, ["--force=yes", ...BLADE], 'option "--force": takes no value');
	refuses(t, [...BLADE, "-b"], 'option "-b": needs a value, bufcnt');
	refuses(t, [...BLADE, "--mac"], 'option "--mac": needs a value, mac[,mac...]');
	refuses(
		t,
		["--poll-us=1001", ...BLADE],
		'poll-us "1001": a time in microseconds is a number from 0 to 1000',
	);
	refuses(t, ["--durability=sync", ...BLADE], 'durability "sync": ack, flush or none is allowed');
	refuses(
		t,
		["-s", "--durability=flush", ...BLADE],
		'durability "flush": contradicts -s, which means --durability=ack',
	);
});

t.test("several blades, and arguments that are missing", async (t) => {
	const { blades } = serve("9", "0", "eth0", "a.img", "9", "1", "eth1", "b.img", "-r");
	t.match(blades, [
		{ shelf: 9, slot: 0, netifs: [{ name: "eth0" }], storage: { path: "a.img" } },
		{ shelf: 9, slot: 1, netifs: [{ name: "eth1" }], storage: { path: "b.img" } },
	]);
	const usage = "usage: vblade [options] shelf slot netif filename [shelf slot netif filename ...]";
	refuses(t, [], `missing arguments: shelf, slot, netif, filename; ${usage}`);
	refuses(t, ["9", "0", "eth0"], `missing arguments: filename; ${usage}`);
	refuses(t, [...BLADE, "9", "1"], `missing arguments: netif, filename; ${usage}`);
});

t.test("netif: a name, a list, a glob, a unix socket", async (t) => {
	t.strictSame(ports("eth7"), ["eth7"], "whether a name exists is for the link to say");
	t.strictSame(ports("eth1,eth0,eth1"), ["eth1", "eth0"]);
	t.strictSame(ports("eth*"), ["eth0", "eth1", "eth10"]);
	t.strictSame(ports("eth?"), ["eth0", "eth1"]);
	t.strictSame(ports("eth[!0]"), ["eth1"]);
	t.strictSame(ports("[el]*,wlan0"), ["lo", "eth0", "eth1", "eth10", "e.x", "wlan0"]);
	t.strictSame(ports("e.*"), ["e.x"], "a dot is a dot");
	t.strictSame(ports("*-lan"), ["br-lan"]);
	t.strictSame(ports("pcap:eth0,eth1"), ["pcap:eth0", "eth1"], "through libpcap, among others");
	t.strictSame(
		serve("9", "0", "pcap:eth0", "f").blades[0]?.netifs,
		[{ kind: "pcap", name: "pcap:eth0", interfaceName: "eth0" }],
		"which interface pcap is for",
	);
	t.strictSame(serve("9", "0", "unix:/run/a,b", "f").blades[0]?.netifs, [
		{ kind: "unix", name: "unix:/run/a,b", path: "/run/a,b" },
	]);
	t.strictSame(ports("eth?,unix:/run/a"), ["eth0", "eth1", "unix:/run/a"]);
	refuses(t, ["9", "0", "tap*", "f"], `netif "tap*": no interface matches; there are ${PRESENT.join(", ")}`);
	refuses(t, ["9", "0", "[1-0]", "f"], 'netif "[1-0]": not a glob that a shell would understand');
	for (const wrong of ["", "eth0,", ",eth0", "a/b", "a b", "..", "udp:1", "x".repeat(128), ",unix:/run/a"])
		t.throws(() => ports(wrong), /^netif ".*": an interface \(eth0\), a list .* is allowed$/, wrong);
	for (const wrong of ["unix:", `unix:/${"x".repeat(107)}`, `unix:/${"é".repeat(54)}`])
		t.throws(() => ports(wrong), /^netif ".*": the path of a unix socket has 1 to 107 bytes$/, wrong);
});

t.test("filename: a file or memory", async (t) => {
	const storage = (filename: string) => serve("9", "0", "eth0", filename).blades[0]?.storage;
	t.strictSame(storage("mem:64M"), { kind: "memory", name: "mem:64M", sizeBytes: 64 * 2 ** 20 });
	const sizes = { "mem:1K": 2 ** 10, "mem:3G": 3 * 2 ** 30, "mem:2T": 2 * 2 ** 40 };
	for (const [text, sizeBytes] of Object.entries(sizes)) t.match(storage(text), { sizeBytes });
	t.match(storage("./mem:64M"), { kind: "file", path: "./mem:64M" });
	t.match(storage(" $(x)'\"\n"), { kind: "file", path: " $(x)'\"\n" });
	for (const wrong of ["mem:", "mem:64", "mem:0M", "mem:64MB", "mem:-1M", "mem:1.5G", "mem:9999T", "mem:64m"])
		t.throws(() => storage(wrong), /^filename ".*": a size is a number above 0 with K, M, G or T/, wrong);
	t.throws(() => storage(""), /^filename "": a file, .* or aoe:NETIF:SHELF\.SLOT is allowed$/);
});

t.test("a message is one line that harms no terminal, however long or strange the value", async (t) => {
	refuses(
		t,
		["9\n\u001b[2J\u2028\u202e", "0", "eth0", "f"],
		String.raw`shelf "9\n\x1b[2J\u2028\u202e": a shelf is a number from 0 to 65534`,
	);
	t.throws(() => parse("8".repeat(10_000), "0", "eth0", "f"), /^shelf "8{80}\.\.\.": a shelf/);
});

t.test("any argv ends as an invocation or as one line", async (t) => {
	const word = fc.oneof(
		fc.string(),
		fc.string({ unit: "binary" }),
		fc.constantFrom(
			...OPTIONS.flatMap(({ name, short }) => [`--${name}`, `--${name}=`, short ? `-${short}` : "--"]),
		),
		fc.constantFrom(...BLADE, "eth*", "[", "mem:1M", "unix:/x", "-rsd", "-b32", "-", "--", "ack", "none"),
	);
	// A valid command line with one word replaced or inserted gets past the first checks more often than random words.
	const near = fc
		.tuple(fc.nat(5), fc.boolean(), word)
		.map(([at, replace, text]) => ["-b4", ...BLADE].toSpliced(at, replace ? 1 : 0, text));
	let understood = 0;
	const property = fc.property(fc.oneof(fc.array(word, { maxLength: 12 }), near), (argv) => {
		try {
			if (parse(...argv).kind === "serve") understood++;
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			// biome-ignore lint/suspicious/noControlCharactersInRegex: finding control characters is what it is for
			return !/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(error.message);
		}
		return true;
	});
	fc.assert(property, { numRuns: 4000 });
	t.ok(understood > 0, "some of them were valid");
});

t.test("a file name reaches the server as it was given", async (t) => {
	const filename = fc.string({ unit: "binary", minLength: 1 }).filter((name) => !/^mem:|\0/.test(name));
	fc.assert(
		fc.property(filename, (name) => {
			const [blade] = serve("9", "0", "eth0", "--", name).blades;
			return blade?.storage.kind === "file" && blade.storage.path === name;
		}),
	);
	t.pass("held");
});

t.test("the help fits a terminal", async (t) => {
	const text = (await Promise.all(FORMS.map(helpText))).join("\n");
	for (const line of text.split("\n")) t.ok(line.length <= 80, line);
});
