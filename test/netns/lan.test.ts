/** Our server on a LAN where things happen: links and files change, others answer for the same address, and most of what passes is not for us. */

import { appendFileSync, truncateSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { until } from "../support/cleanup.js";
import { FramePort } from "../support/frame-port.js";
import { ataFrame, BROADCAST, configFrame, fieldsOf, respondsTo } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { isLong } from "../support/long.js";
import { namespacesMissing } from "../support/netns.js";
import { PROJECT, vbladeCommand } from "../support/paths.js";
import type { Program } from "../support/process.js";
import { CLIENT_MAC, FILE_SECTORS, SERVER_MAC, Stage, startOutcome } from "./stage.js";

const skip = namespacesMissing() ?? false;
const EVERYONE = { dst: BROADCAST, shelf: 0xffff, slot: 0xff };

/** A stage for one subtest. */
function onStage(name: string, act: (t: Test, stage: Stage) => Promise<void>): void {
	t.test(name, { skip }, async (t) => {
		const stage = new Stage(vbladeCommand());
		t.teardown(() => stage.close());
		await act(t, stage);
	});
}

/** In long runs alone: `side-by-side.test.ts` and `rivals.test.ts` have their like. */
const onStageLong: typeof onStage = (name, act) => isLong && onStage(name, act);

/** Waits for a blade to tell everybody, unasked, of itself. */
async function advertised(stage: Stage, what: string, sectorsPerFrame: number, from: number): Promise<void> {
	const port = await stage.port();
	const seen = () =>
		port.received.slice(from).some((frame) => {
			const { dst, flags, command, sectorsPerFrame: told } = fieldsOf(frame);
			return dst === BROADCAST && (flags & 8) !== 0 && command === 1 && told === sectorsPerFrame;
		});
	await until(`an advertisement: ${what}`, seen, LIMIT_MS);
}

/** A line of the counters that SIGUSR1 has the server log. */
async function counters(server: Program): Promise<{ framesIn: number; framesOut: number; text: string }> {
	const from = server.output.length;
	server.signal("SIGUSR1");
	const [, framesIn, framesOut] = await server.waitFor(
		/lan0: frames in (\d+), out (\d+).*\n/,
		LIMIT_MS,
		from,
	);
	await server.waitFor(/e9\.0: reads \d+.*\n/, LIMIT_MS, from);
	return { framesIn: Number(framesIn), framesOut: Number(framesOut), text: server.output.slice(from) };
}

/** True for an AoE request from this address. */
function isQuestion(frame: Buffer, mac: string): boolean {
	const { src, flags } = fieldsOf(frame);
	return frame.readUInt16BE(12) === 0x88a2 && src === mac && (flags & 8) === 0;
}

onStage("a link that changes", async (t, stage) => {
	const { server: side, client } = stage.lan;
	const server = await stage.serve();
	const port = await stage.port();

	let from = port.received.length;
	side.ip("link", "set", "lan0", "down");
	side.ip("link", "set", "lan0", "up");
	await advertised(stage, "the link is up again", 2, from);
	t.equal(await stage.sectors(), FILE_SECTORS, "down and up: served again, and told");

	for (const mtu of [9000, 1500]) {
		from = port.received.length;
		const sectorsPerFrame = mtu === 9000 ? 16 : 2;
		for (const end of [client, side]) end.ip("link", "set", "lan0", "mtu", String(mtu));
		await advertised(stage, `MTU ${mtu}`, sectorsPerFrame, from);
		const header = stage.header();
		const read = ataFrame(header, { command: 0x24, aflags: 0x40, count: sectorsPerFrame });
		const [reply] = await port.exchange(read, (frame) => respondsTo(frame, header.tag));
		t.equal(
			reply?.length,
			36 + 512 * sectorsPerFrame,
			`MTU ${mtu}: told, and frames of that size are served`,
		);
	}

	from = port.received.length;
	side.ip("link", "set", "lan0", "address", "02:00:00:00:00:77");
	await advertised(stage, "another MAC address", 2, from);
	t.equal(
		(await stage.ask({ dst: "02:00:00:00:00:77" })).length,
		1,
		"another MAC address: told, and answered at",
	);
	t.equal((await stage.askInVain()).length, 0, "and no longer at the old one");
	side.ip("link", "set", "lan0", "address", SERVER_MAC);

	await stage.closePort();
	stage.lan.cut("lan0");
	t.equal(server.ended, undefined, "the interface is gone: the server is not");
	stage.lan.cable("lan0", { serverMac: SERVER_MAC, clientMac: CLIENT_MAC });
	t.equal(await stage.recovery(server), "answers again", "it is back: served again");
	t.equal(await stage.sectors(), FILE_SECTORS);
});

onStage("two links", async (t, stage) => {
	const { lan } = stage;
	lan.cable("lan1", { mtu: 9000, serverMac: "02:00:00:00:01:01", clientMac: "02:00:00:00:01:02" });
	await stage.start("9", "0", "lan*", stage.file).waitFor(/^pid \d+: e9\.0/m, LIMIT_MS);
	const ports = [await stage.port(), await FramePort.open(lan.client, "lan1")] as const;
	t.teardown(() => ports[1].close());
	for (const [asked, silent, dst, sectorsPerFrame] of [
		[ports[0], ports[1], SERVER_MAC, 2],
		[ports[1], ports[0], "02:00:00:00:01:01", 16],
	] as const) {
		const header = stage.header({ dst: BROADCAST });
		const [reply] = await asked.exchange(configFrame(header, 0), (frame) => respondsTo(frame, header.tag));
		t.match(
			reply && fieldsOf(reply),
			{ src: dst, sectorsPerFrame },
			"answered by the link that was asked, for its MTU",
		);
		const others = silent.received.filter((frame) => respondsTo(frame, header.tag));
		t.equal(others.length, 0, "and not by the other one");
	}
	lan.cut("lan1");
	t.equal(await stage.sectors(), FILE_SECTORS, "one is gone, the other serves on");
});

onStage("many blades in one process", async (t, stage) => {
	const BLADES = 1000;
	const places = Array.from({ length: BLADES }, (_, i) => [
		String(100 + Math.floor(i / 200)),
		String(i % 200),
	]);
	const server = stage.start(
		...places.flatMap(([shelf = "", slot = ""]) => [shelf, slot, "lan0", "mem:512K"]),
	);
	await server.waitFor(/e104\.199, 1024 sectors/, LIMIT_MS);
	const port = await stage.port();
	const addresses = (frames: readonly Buffer[]) =>
		new Set(frames.map(fieldsOf).map(({ shelf, slot }) => `${shelf}.${slot}`)).size;

	for (const [what, frame, tag] of [
		["config query", (header: ReturnType<Stage["header"]>) => configFrame(header, 0)],
		[
			"IDENTIFY DEVICE",
			(header: ReturnType<Stage["header"]>) => ataFrame(header, { command: 0xec, count: 1 }),
		],
	].map(([what, make]) => {
		const header = stage.header(EVERYONE);
		return [what, (make as (h: typeof header) => Buffer)(header), header.tag] as const;
	})) {
		const replies = await port.exchange(frame, (reply) => respondsTo(reply, tag), BLADES);
		t.equal(replies.length, BLADES, `${what} to all: each answers once`);
		t.equal(addresses(replies), BLADES, "with its own address");
	}
	const header = stage.header({ dst: BROADCAST, shelf: 102, slot: 0xff });
	const replies = await port.exchange(configFrame(header, 0), (reply) => respondsTo(reply, header.tag), 200);
	t.equal(addresses(replies), 200, "config query to one shelf: its 200 slots");
	t.equal(await stage.sectors({ shelf: 103, slot: 7 }), 1024, "and each can be asked alone");
});

async function noise(t: Test, stage: Stage, server: Program, port: FramePort): Promise<void> {
	const { lan } = stage;
	const REQUESTS = 100;
	lan.server.ip("address", "add", "10.9.0.1/24", "dev", "lan0");
	lan.client.ip("address", "add", "10.9.0.2/24", "dev", "lan0");
	const noisy = lan.client.start([
		process.execPath,
		path.join(PROJECT, "build/test/netns/noise.js"),
		"10.9.0.1",
	]);
	await noisy.waitFor(/noisy/, LIMIT_MS);
	const packetsIn = () => Number(lan.server.exec("cat", "/sys/class/net/lan0/statistics/rx_packets"));
	let requests = 0;
	const ask = async (): Promise<void> => {
		requests++;
		await stage.sectors();
	};
	// Now and then the server asks who else is there: frames that answer nothing.
	const questions = () => port.received.filter((frame) => isQuestion(frame, SERVER_MAC)).length;
	/** The counters at a moment at which no question was on its way. */
	const settled = async () => {
		for (;;) {
			await ask();
			const now = { asked: questions(), requests, ...(await counters(server)) };
			await ask();
			if (questions() === now.asked) return now;
		}
	};
	const packetsBefore = packetsIn();
	const before = await settled();
	for (let i = 0; i < REQUESTS; i++) await ask();
	await until("much noise", () => packetsIn() - packetsBefore > 2000 + REQUESTS, LIMIT_MS);
	const after = await settled();
	t.equal(noisy.ended, undefined, "there was noise all the time");
	await noisy.stop();
	const made = after.requests - before.requests;
	t.equal(after.framesIn - before.framesIn, made, "none of it reached us");
	const questioned = after.asked - before.asked;
	t.equal(after.framesOut - before.framesOut - questioned, made, "every request was answered");
	t.notMatch(after.text, /dropped in [1-9]/, "none was dropped");
	t.equal(
		after.text.match(/lan0: \d+ frames /g)?.length ?? 0,
		before.text.match(/lan0: \d+ frames /g)?.length ?? 0,
		"and nothing more was refused",
	);
}

onStage("what is not for us", async (t, stage) => {
	const { lan } = stage;
	const server = await stage.serve();
	// Then the port hears what is for others.
	lan.server.ip("link", "set", "lan0", "promisc", "on");
	const port = await stage.port();

	await t.test("other addresses", async (t) => {
		t.equal(
			(await stage.askInVain({ dst: "02:00:00:00:00:55" })).length,
			0,
			"a MAC address that is another's",
		);
		t.equal((await stage.askInVain({ dst: "03:00:00:00:00:01" })).length, 0, "a group address");
		t.equal((await stage.askInVain({ slot: 1 })).length, 0, "another slot");
		t.equal((await stage.askInVain({ shelf: 10 })).length, 0, "another shelf");
		t.equal((await stage.ask()).length, 1, "but ours");
		t.equal(port.tagged.length, 0, "nothing came back with a VLAN tag");
	});

	await t.test("IP packets, thousands of them", (t) => noise(t, stage, server, port));
});

onStage("a file that changes", async (t, stage) => {
	const server = await stage.serve();
	const port = await stage.port();
	const from = port.received.length;
	appendFileSync(stage.file, Buffer.alloc(FILE_SECTORS * 512, 0x5a));
	await until("the new size", async () => (await stage.sectorsSoon()) === 2 * FILE_SECTORS, LIMIT_MS);
	await advertised(stage, "the disk has grown", 2, from);
	t.pass("it has grown: told");
	const read = async (lba: number) => {
		const header = stage.header();
		const frame = ataFrame(header, { command: 0x24, aflags: 0x40, count: 1, lba });
		const [reply] = await port.exchange(frame, (answer) => respondsTo(answer, header.tag));
		return reply && fieldsOf(reply);
	};
	t.equal((await read(FILE_SECTORS))?.data[0], 0x5a, "and what is new can be read");

	truncateSync(stage.file, FILE_SECTORS * 512);
	await server.waitFor(/error: e9\.0: .* has shrunk to 1024 sectors/, LIMIT_MS);
	t.match(
		await read(FILE_SECTORS),
		{ ataStatus: 0x41, ataError: 0x10, lba: FILE_SECTORS },
		"shrunk: not found, behind the end",
	);
	t.match(await read(0), { ataStatus: 0x40 }, "and before it all is well");
	t.equal(server.ended, undefined);
});

onStageLong("one file, several servers", async (t, stage) => {
	const refused = async (...args: string[]) => {
		const second = stage.start(...args);
		t.equal(await startOutcome(second), "exits with status 2");
		t.match(second.stderr, new RegExp(`^vblade: .*${stage.file}.*lock.*\n$`), "one line names the file");
	};
	const writer = await stage.serve();
	await refused("9", "1", "lan0", stage.file);
	await refused("-r", "9", "1", "lan0", stage.file);
	await writer.stop();
	await stage.serve("-r");
	t.equal(await startOutcome(stage.start("-r", "9", "1", "lan0", stage.file)), "serves", "readers get along");
	await refused("9", "2", "lan0", stage.file);
});

onStageLong("one address, two servers", async (t, stage) => {
	const first = await stage.serve();
	const file = stage.addFile("other.img");
	const second = stage.startOpposite("9", "0", "lan0", file);
	t.equal(await startOutcome(second), "exits with status 2");
	t.match(
		second.stderr,
		/^vblade: 02:00:00:00:00:01 on lan0 .* shelf 9 slot 0.*--force.*\n$/,
		"refused, and told by whom",
	);
	t.notMatch(first.stderr, /answers for the same/, "so far there was no harm");

	const forced = stage.startOpposite("--force", "9", "0", "lan0", file);
	t.equal(await startOutcome(forced), "serves", "unless it is told to");
	await forced.waitFor(/warn: .*02:00:00:00:00:01/, LIMIT_MS);
	await first.waitFor(/warn: e9\.0: 02:00:00:00:00:02 on lan0 answers for the same shelf and slot/, LIMIT_MS);
	await stage.ask({ dst: BROADCAST });
	await stage.ask({ dst: BROADCAST });
	t.equal(first.stderr.match(/answers for the same/g)?.length, 1, "the other one says so, once");
	t.equal(
		await startOutcome(stage.startOpposite("9", "1", "lan0", stage.addFile("third.img"))),
		"serves",
		"another slot is free",
	);
});
