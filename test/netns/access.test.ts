/**
 * MAC mask and reservation on real sockets, against who tries to get round them: broadcasts to all blades, frames with the
 * R flag, frames of a VLAN, and every combination. Whoever is shut out gets no answer (or, where the specification wants
 * that, "reserved") and changes nothing: neither the disk, nor the lists, nor the config string. The same requests of one
 * who may are answered, or the test would show nothing.
 */

import { readFileSync } from "node:fs";
import t from "tap";
import { pause, until } from "../support/cleanup.js";
import type { FramePort } from "../support/frame-port.js";
import {
	ataFrame,
	BROADCAST,
	configFrame,
	type FrameHeader,
	maskFrame,
	reserveFrame,
	respondsTo,
	tagged,
} from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { namespacesMissing } from "../support/netns.js";
import { vbladeCommand } from "../support/paths.js";
import { SERVER_MAC, Stage } from "./stage.js";

t.setTimeout(230_000);
/** How long a wrong answer may take when a right one to a later request is there. */
const LATE_MS = 150;
const FRIEND = "02:00:00:00:00:aa";
const STRANGER = "02:00:00:00:00:bb";
const skip = namespacesMissing() ?? false;
const DATA = Buffer.alloc(512, 0x66);

type Request = (header: FrameHeader) => Buffer;

/** What a stranger would like to do. Each changes something that can be seen, or asks for an answer. */
const REQUESTS: Readonly<Record<string, Request>> = {
	write: (header) => ataFrame(header, { command: 0x34, aflags: 0x41, count: 1, lba: 5, data: DATA }),
	read: (header) => ataFrame(header, { command: 0x24, aflags: 0x40, count: 1, lba: 5 }),
	identify: (header) => ataFrame(header, { command: 0xec, count: 1 }),
	query: (header) => configFrame(header, 0),
	"set string": (header) => configFrame(header, 3, "stranger"),
	"force string": (header) => configFrame(header, 4, "stranger"),
	"add to mask": (header) => maskFrame(header, 1, [[1, STRANGER]]),
	"delete from mask": (header) => maskFrame(header, 1, [[2, FRIEND]]),
	reserve: (header) => reserveFrame(header, 1, [STRANGER]),
	"force reserve": (header) => reserveFrame(header, 2, [STRANGER]),
	release: (header) => reserveFrame(header, 1, []),
};

/**
 * The ways round: to all, with the R flag, in a VLAN. VLAN 0 is none: such a tag only says how urgent a frame is (IEEE
 * 802.1Q, 6.9.1), the kernel takes it off, and the frame is one like any other.
 */
const ADDRESSES: Readonly<Record<string, Partial<FrameHeader>>> = {
	"to us": {},
	"to all hosts": { dst: BROADCAST },
	"to all shelves": { shelf: 0xffff },
	"to all": { dst: BROADCAST, shelf: 0xffff, slot: 0xff },
};
const FLAGS: Readonly<Record<string, number>> = { "": 0, " with R": 8, " with R and E": 12 };
const VLANS: readonly (number | undefined)[] = [undefined, 0, 7];

interface Attempt {
	readonly name: string;
	readonly frame: Buffer;
	readonly tag: number;
	readonly request: string;
	/** Neither R flag nor VLAN: it is looked at, whoever may not have it. */
	readonly isPlain: boolean;
	readonly isBroadcast: boolean;
}

/** Every request in every way, from `source`. */
function attempts(stage: Stage, source: string): Attempt[] {
	const all: Attempt[] = [];
	for (const [request, make] of Object.entries(REQUESTS))
		for (const [to, address] of Object.entries(ADDRESSES))
			for (const [flagName, flags] of Object.entries(FLAGS))
				for (const vlan of VLANS) {
					const header = stage.header({ src: source, flags, ...address });
					const frame = make(header);
					all.push({
						name: `${request} ${to}${flagName}${vlan === undefined ? "" : ` in VLAN ${vlan}`}`,
						frame: vlan === undefined ? frame : tagged(frame, vlan),
						tag: header.tag,
						request,
						isPlain: flags === 0 && (vlan === undefined || vlan === 0),
						isBroadcast: to !== "to us",
					});
				}
	return all;
}

/**
 * Sends all, waits until the server has looked at them and `count` are answered, and gives back the answers, tagged ones too, by
 * attempt.
 */
async function play(
	stage: Stage,
	port: FramePort,
	all: readonly Attempt[],
	count: number,
): Promise<Map<string, Buffer[]>> {
	const from = [port.received.length, port.tagged.length] as const;
	for (const { frame } of all) port.send(frame);
	const last = stage.header({ src: FRIEND });
	await port.exchange(configFrame(last, 0), (frame) => respondsTo(frame, last.tag));
	const replies = () =>
		port.received.slice(from[0]).filter((frame) => all.some(({ tag }) => respondsTo(frame, tag)));
	await until(`${count} answers`, () => replies().length >= count, LIMIT_MS);
	await pause(LATE_MS);
	// A tagged frame without its tag, so that fields are where they should be.
	const untag = (frame: Buffer) =>
		frame.readUInt16BE(12) === 0x8100 ? Buffer.concat([frame.subarray(0, 12), frame.subarray(16)]) : frame;
	const heard = [...port.received.slice(from[0]), ...port.tagged.slice(from[1]).map(untag)];
	const answers = all.map(({ name, tag }) => {
		const own = heard.filter((frame) => frame.toString("hex", 6, 12) === SERVER_MAC.replaceAll(":", ""));
		return [name, own.filter((frame) => respondsTo(frame, tag))] as const;
	});
	return new Map(answers.filter(([, frames]) => frames.length > 0));
}

/** What strangers must not change, as the friend sees it: mask, reservation and config string in hexadecimal, the disk. */
async function state(stage: Stage, port: FramePort): Promise<Record<string, string>> {
	const ask = async (make: Request): Promise<Buffer> => {
		const header = stage.header({ src: FRIEND });
		const [reply] = await port.exchange(make(header), (frame) => respondsTo(frame, header.tag));
		return reply ?? Buffer.alloc(0);
	};
	const list = (reply: Buffer, at: number, bytes: number) => reply.toString("hex", at, at + bytes);
	const mask = await ask((header) => maskFrame(header, 0));
	const reserved = await ask((header) => reserveFrame(header, 0));
	const config = await ask((header) => configFrame(header, 0));
	return {
		mask: list(mask, 28, 8 * (mask[27] ?? 0)),
		reserved: list(reserved, 26, 6 * (reserved[25] ?? 0)),
		string: list(config, 32, config.readUInt16BE(30)),
		disk: readFileSync(stage.file).every((byte) => byte === 0) ? "zeros" : "written to",
	};
}

/** The error codes of the answers to a stranger's attempt where somebody else holds the blade. */
function refusal({ request, isPlain, isBroadcast }: Attempt): number[] {
	const finds = ["identify", "query"].includes(request);
	const sets = ["set string", "force string"].includes(request);
	const isLookedAt = isPlain && (!isBroadcast || finds || sets);
	return !isLookedAt ? [] : finds ? [0] : [6];
}

async function withServer(
	options: string[],
	act: (stage: Stage, port: FramePort) => Promise<void>,
): Promise<void> {
	const stage = new Stage(vbladeCommand());
	try {
		const server = stage.start(...options, "9", "0", "lan0", stage.file);
		await server.waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
		const port = await stage.port();
		await act(stage, port);
	} finally {
		await stage.close();
	}
}

t.test("the mask holds", { skip }, async (t) => {
	await withServer(["-m", FRIEND], async (stage, port) => {
		const before = await state(stage, port);
		const answers = await play(stage, port, attempts(stage, STRANGER), 0);
		t.strictSame([...answers.keys()], [], "a stranger gets no answer to anything");
		t.strictSame(await state(stage, port), before, "and changes nothing");
	});
});

t.test("a reservation holds", { skip }, async (t) => {
	await withServer([], async (stage, port) => {
		const own = stage.header({ src: FRIEND });
		await port.exchange(reserveFrame(own, 1, [FRIEND]), (frame) => respondsTo(frame, own.tag));
		const before = await state(stage, port);
		t.equal(before.reserved, FRIEND.replaceAll(":", ""));
		// To take a reservation by force is everybody's right (section 3.4), if it is asked for plainly.
		const all = attempts(stage, STRANGER).filter(
			(one) => one.request !== "force reserve" || !one.isPlain || one.isBroadcast,
		);
		const expected = new Map(all.map((one) => [one.name, refusal(one)]));
		const answers = await play(stage, port, all, [...expected.values()].flat().length);
		for (const [name, codes] of expected) {
			const errors = (answers.get(name) ?? []).map((reply) => reply[15]);
			if (JSON.stringify(errors) !== JSON.stringify(codes)) t.strictSame(errors, codes, name);
		}
		t.ok(answers.size > 0, `${answers.size} of ${all.length} are answered`);
		t.strictSame(await state(stage, port), before, "a stranger changes nothing");
	});
});

t.test("whoever may is served, but not by a broadcast, the R flag or a VLAN", { skip }, async (t) => {
	await withServer(["-m", FRIEND], async (stage, port) => {
		const all = attempts(stage, FRIEND);
		const round = all.filter(({ isPlain, isBroadcast }) => !isPlain || isBroadcast);
		const before = await state(stage, port);
		const harmless = round.filter(({ request, isPlain }) => !isPlain || !request.endsWith("string"));
		const finds = harmless.filter(
			({ request, isPlain }) => isPlain && ["identify", "query"].includes(request),
		);
		const answers = await play(stage, port, harmless, finds.length);
		t.strictSame(
			[...answers.keys()].sort(),
			finds.map(({ name }) => name).sort(),
			"only what finds blades is answered",
		);
		t.strictSame(await state(stage, port), before, "nothing has changed");
		const plain = all.filter(
			({ isPlain, isBroadcast, request }) => isPlain && !isBroadcast && request !== "delete from mask",
		);
		// In an order in which none shuts out the next: the reservations come last.
		const served = await play(stage, port, plain, plain.length);
		t.strictSame(
			[...served.keys()],
			plain.map(({ name }) => name),
			"the plain ones all are",
		);
		t.match(await state(stage, port), {
			disk: "written to",
			string: Buffer.from("stranger").toString("hex"),
		});
	});
});
