/**
 * Programs by others against our server: tcpdump's decoder, and the npm package pcap as a reader of what
 * was captured. What they make of our frames is what a stranger would. Debian's aoetools have a file of their own.
 */

import { readFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { scratchDirectory, until } from "../support/cleanup.js";
import {
	aoeFrame,
	ataFrame,
	BROADCAST,
	configFrame,
	fieldsOf,
	maskFrame,
	reserveFrame,
} from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { run } from "../support/process.js";
import { CLIENT_MAC, SERVER_MAC, Stage } from "./stage.js";

const skip = namespacesMissing() ?? false;

/** Frames, each with what tcpdump must make of the answer. */
function conversation(stage: Stage): { readonly frame: Buffer; readonly decoded: RegExp }[] {
	const header = () => stage.header();
	const sixMacs = [CLIENT_MAC, ...[3, 4, 5, 6, 7].map((last) => `02:00:00:00:00:0${last}`)];
	return [
		{
			frame: configFrame(header(), 0),
			decoded: /Buffer Count: 16, Firmware Version: \d+, Sector Count: 2, AoE: 1, CCmd: read config string/,
		},
		{
			frame: configFrame(header(), 3, "hello"),
			decoded: /CCmd: set config string\n\s*Config String \(length 5\): hello/,
		},
		{
			frame: configFrame(header(), 3, "other"),
			decoded: /\[Response, Error\]\n\s*Error: Config string present/,
		},
		{
			frame: ataFrame(header(), { command: 0xec, count: 1 }),
			decoded: /Err\/Feature: 0, Sector Count: 0, Cmd\/Status: 64[\s\S]*Data: 512 bytes/,
		},
		{
			frame: ataFrame(header(), { command: 0x24, aflags: 0x40, count: 2, lba: 5 }),
			decoded: /AFlags: \[Ext48\], Err\/Feature: 0, .*Status: 64\n\s*lba0: 5, lba1: 0[\s\S]*Data: 1024 bytes/,
		},
		{
			frame: ataFrame(header(), { command: 0x24, aflags: 0x40, count: 1, lba: 5000 }),
			decoded: /Err\/Feature: 16, Sector Count: 1, Cmd\/Status: 65\n\s*lba0: 136, lba1: 19,/,
		},
		{
			frame: ataFrame(header(), {
				command: 0x34,
				aflags: 0x41,
				count: 1,
				lba: 5,
				data: Buffer.alloc(512, 7),
			}),
			decoded: /AFlags: \[Ext48, Write\], Err\/Feature: 0, Sector Count: 0, Cmd\/Status: 64/,
		},
		{ frame: ataFrame(header(), { command: 0xea, aflags: 0x40 }), decoded: /Cmd\/Status: 64/ },
		{
			frame: maskFrame(header(), 1, [[1, CLIENT_MAC]]),
			decoded:
				/MCmd: Edit Mac Mask List, .*Dir Count: 1\n\s*DCmd: No Directive, Ethernet Address: 02:00:00:00:00:02/,
		},
		{
			// Of fewer addresses tcpdump takes the padding for an invalid frame.
			frame: reserveFrame(header(), 1, sixMacs),
			decoded: /RCmd: Set reserve list, NMacs: 6\n\s*Ethernet Address 0: 02:00:00:00:00:02/,
		},
		{
			frame: aoeFrame(header(), 7, Buffer.alloc(20)),
			decoded: /\[Response, Error\]\n\s*Error: Unrecognized command/,
		},
	];
}

/** As much of the package pcap as is used here. */
interface PcapModule {
	createOfflineSession(file: string, options: object): OfflineSession;
}
interface OfflineSession {
	on(event: "packet", listener: (packet: { readonly buf: Buffer; readonly header: Buffer }) => void): void;
	on(event: "complete", listener: () => void): void;
}

/** The package, which is optional: it is not there where there is no libpcap to build it with. */
async function loadPcap(): Promise<PcapModule | undefined> {
	const name = "pcap";
	return import(name).then(
		(module: { default: PcapModule }) => module.default,
		() => undefined,
	);
}

/** Where the header of a captured frame has the number of bytes that were captured. */
const CAPTURED_BYTES_AT = 8;

/** Everything in a capture file. */
function readCapture(pcap: PcapModule, file: string): Promise<Buffer[]> {
	return new Promise((resolve) => {
		const frames: Buffer[] = [];
		const session = pcap.createOfflineSession(file, {});
		session.on("packet", ({ buf, header }) => {
			frames.push(Buffer.from(buf.subarray(0, header.readUInt32LE(CAPTURED_BYTES_AT))));
		});
		session.on("complete", () => resolve(frames));
	});
}

/**
 * What tcpdump says of answers to somebody. Now and then the server asks all whether others serve the same: that belongs to no
 * conversation.
 */
function answersIn(text: string): string[] {
	const isAnswer = (told: string) =>
		/Flags: \[Response/.test(told) && !/> (?:Broadcast|ff:ff:ff:ff:ff:ff)/.test(told);
	return text.split(/^(?=\S)/m).filter(isAnswer);
}

t.test("a capture of a conversation", { skip }, async (t) => {
	const stage = new Stage(vbladeCommand());
	t.teardown(() => stage.close());
	await stage.serve();
	const port = await stage.port();
	const file = path.join(scratchDirectory(), "conversation.pcap");
	const capture = [
		"tcpdump",
		"-Z",
		"root",
		"--immediate-mode",
		"-U",
		"-w",
		file,
		"-i",
		"lan0",
		"ether",
		"proto",
		"0x88a2",
	];
	const tcpdump = stage.lan.client.start(capture);
	await tcpdump.waitFor(/listening on lan0/, LIMIT_MS);
	const talk = conversation(stage);
	let last: Buffer = Buffer.alloc(0);
	for (const { frame } of talk)
		[last = last] = await port.exchange(frame, (reply) => fieldsOf(reply).tag === fieldsOf(frame).tag);
	await until("all is in the file", () => readFileSync(file).includes(last), LIMIT_MS);
	await tcpdump.stop("SIGINT");

	await t.test("as tcpdump decodes it", async (t) => {
		const { code, stdout } = await run(["tcpdump", "-r", file, "-e", "-n", "-vv", "-t"], LIMIT_MS);
		t.equal(code, 0);
		const answers = answersIn(stdout);
		t.equal(answers.length, talk.length, "an answer to each frame");
		talk.forEach(({ frame, decoded }, i) => {
			const text = answers[i] ?? "";
			const { shelf, slot, tag } = fieldsOf(frame);
			t.match(text, `${SERVER_MAC} > ${CLIENT_MAC}, ethertype AoE (0x88a2)`, "from us to who asked");
			const hex = (value: number, digits: number) => `0x${value.toString(16).padStart(digits, "0")}`;
			const address = `Major: ${hex(shelf, 4)}, Minor: ${hex(slot, 2)}, `;
			t.match(text, address, "the address");
			t.match(text, `Tag: ${hex(tag, 8)}`, "the tag");
			t.match(text, decoded);
			t.notMatch(text, /truncated|invalid|bad|\[\|/, "nothing wrong with it");
		});
	});

	const pcap = await loadPcap();
	await t.test("as the package pcap reads it", { skip: pcap ? false : "not installed" }, async (t) => {
		if (!pcap) return;
		const frames = (await readCapture(pcap, file)).filter((frame) => fieldsOf(frame).dst !== BROADCAST);
		t.equal(frames.length, 2 * talk.length, "every frame and its answer");
		for (const { frame } of talk) {
			const at = frames.findIndex((captured) => captured.equals(frame));
			const answer = frames[at + 1];
			t.ok(answer && fieldsOf(answer).tag === fieldsOf(frame).tag, "each followed by its answer");
			t.ok(answer && answer.length >= 60, "of at least 60 bytes");
		}
	});
});

t.test("tcpdump beside the server sees its answers with --no-xdp, and only then", { skip }, async (t) => {
	for (const options of [["--no-xdp"], []]) {
		const stage = new Stage(vbladeCommand());
		t.teardown(() => stage.close());
		await stage.serve(...options);
		const port = await stage.port();
		const watch = stage.lan.server.start(
			"tcpdump --immediate-mode -Z root -l -n -e -i lan0 ether proto 0x88a2".split(" "),
		);
		await watch.waitFor(/listening on lan0/, LIMIT_MS);
		for (let number = 0; number < 3; number++) {
			const frame = configFrame(stage.header(), 0);
			await port.exchange(frame, (reply) => fieldsOf(reply).tag === fieldsOf(frame).tag);
		}
		// Of those that are seen, what comes last.
		const [from, to] = options.length === 0 ? [CLIENT_MAC, SERVER_MAC] : [SERVER_MAC, CLIENT_MAC];
		await watch.waitFor(new RegExp(`(${from} > ${to}[^]*){3}`), LIMIT_MS);
		await watch.stop("SIGINT");
		const answers = watch.stdout.split("\n").filter((line) => line.includes(`${SERVER_MAC} > ${CLIENT_MAC}`));
		t.equal(answers.length, options.length === 0 ? 0 : 3, `${options}: answers seen`);
	}
});
