/**
 * What others notice of the dearest frames there are: a hundred of them, each with as many scattered ranges to trim as a frame
 * of 9000 bytes holds, are sent to one blade of a server at once, while another blade is read, one request at a time. Nothing
 * here asks how long that takes: steps are counted, by the server itself, as it does to end a turn that costs too much.
 */

import { truncateSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { parseArguments } from "../../lib/cli/arguments.js";
import { specOf } from "../../lib/cli/specs.js";
import { loadRun } from "../../lib/client/load-addon.js";
import type { Daemon } from "../../lib/daemon/daemon.js";
import { startDaemon } from "../../lib/daemon/start.js";
import { interfaceInfo, interfaceNames } from "../../lib/link/interfaces.js";
import { Random } from "../../lib/random.js";
import { STEPS_PER_TURN, turn } from "../../lib/turn.js";
import { formatMac } from "../../lib/wire/mac.js";
import { scratchDirectory, until } from "../support/cleanup.js";
import { ataFrame } from "../support/frames.js";
import { inNamespace } from "../support/in-namespace.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip } from "../support/netns.js";
import { RawPort } from "../support/raw-port.js";

const MTU = 9000;
const FRAMES = 100;
const BLOCKS = 16;
const RANGES = BLOCKS * 64;
const FILE_BYTES = 1024 * 1024 * 1024;
const READS = 2000;
/** What one such frame may buy, of a hundred: its entries, and 64 stretches among 64 * 100 others. */
const STEPS_PER_FRAME = RANGES * 4 + 64 * 16 * Math.ceil(Math.log2(64 * FRAMES));
const SENDER = "02:00:00:00:00:77";

/** Of one sector each, all over the disk. */
function scattered(random: Random): Buffer {
	const list = Buffer.alloc(BLOCKS * 512);
	for (let at = 0; at < list.length; at += 8) {
		list.writeUIntLE(random.below(FILE_BYTES / 512), at, 6);
		list.writeUInt16LE(1, at + 6);
	}
	return list;
}

function serve(): Promise<Daemon> {
	const silent = { error: () => {}, warn: () => {}, info: () => {}, verbose: () => {} };
	const blades = ["0", "1"].flatMap((slot) => {
		const file = path.join(scratchDirectory(), `${slot}.img`);
		writeFileSync(file, "");
		truncateSync(file, FILE_BYTES);
		return ["9", slot, "va", file];
	});
	const invocation = parseArguments([...blades, "--durability=flush", "--no-xdp"], interfaceNames);
	if (invocation.kind !== "serve") throw new Error("no command line of serving");
	return startDaemon(specOf(invocation.blades, invocation.options), silent, "0.0.0");
}

t.setTimeout(230_000);
if (await inNamespace(import.meta.url)) {
	ip("link", "add", "va", "type", "veth", "peer", "name", "vb");
	for (const name of ["va", "vb"]) ip("link", "set", name, "mtu", String(MTU), "up");

	t.test("while one blade is sent lists of scattered ranges to trim, another is read on", async (t) => {
		const random = new Random();
		t.comment(`seed ${random.seed}`);
		const server = await serve();
		t.teardown(() => server.close());
		const targetMac = interfaceInfo("va")?.mac ?? 0;
		const answered = new Map<number, number>();
		const port = new RawPort("vb", MTU + 14, (frame) => {
			if (frame.toString("hex", 0, 6) === SENDER.replaceAll(":", ""))
				answered.set(frame.readUInt32BE(20), frame[27] ?? 0);
		});
		t.teardown(() => port.close());

		const load = loadRun("vb", {
			...{ targetMac, shelf: 9, slot: 1, sectors: 8, window: 1, writePercent: 0, sequential: 0, verify: 0 },
			...{ firstLba: 0, blocks: 1024, seconds: LIMIT_MS / 1000, requests: READS, seed: 1 },
		});
		const before = turn.total;
		const frames = Array.from({ length: FRAMES }, (_, i) => {
			const header = { dst: formatMac(targetMac), src: SENDER, shelf: 9, slot: 0, tag: i };
			return ataFrame(header, {
				command: 6,
				feature: 1,
				count: BLOCKS,
				aflags: 0x41,
				data: scattered(random),
			});
		});
		port.send(frames.slice(0, FRAMES / 2));
		port.send(frames.slice(FRAMES / 2));
		await until("answers to the lists", () => answered.size === FRAMES, LIMIT_MS);
		t.ok(
			[...answered.values()].every((status) => status === 0x40),
			"every list was trimmed",
		);
		const result = await load;
		t.match(result, { requests: READS, errors: 0 }, "every read of the other blade was answered");
		t.comment(`longest wait of a read: ${Math.round(result.maxUs)} us; ${result.lost} sent again`);
		const steps = (turn.total - before) / FRAMES;
		t.ok(steps < STEPS_PER_FRAME, `${Math.round(steps)} steps for each list`);
		t.ok(turn.most < STEPS_PER_TURN + STEPS_PER_FRAME, `no turn took more than ${turn.most} steps`);
	});
}
