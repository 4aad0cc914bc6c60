/**
 * Floods an interface with frames that are nobody's business until it is ended; then says how many went. Started by
 * `flood.ts` in the client's namespace: `node flooder.js INTERFACE KIND TARGET_MAC FRAME_BYTES PER_SECOND`. KIND is one of
 * `FLOODS`; 0 per second means as fast as they go. Says "flooding" when it has begun.
 */

import { native, nativeMemory, SEND_FIELDS } from "../../lib/native.js";
import { Random } from "../../lib/random.js";
import { aoeFrame, ataFrame, ETHERTYPE_AOE } from "../support/frames.js";
import { type Flood, OTHER_SECTORS, OTHER_SLOT } from "./flood.js";

const SHELF = 9;
/** Where the addresses of a frame end and its tag begins: what is between them is made right, the rest stays random. */
const TYPE_AT = 12;
const TAG_AT = 20;
const ARGUMENTS_AT = 24;
const DATA_AT = 36;
/** Different frames, sent over and over: drawing each anew would take longer than sending it. */
const FRAMES = 1024;
const BATCH_FRAMES = 64;
/** Batches until a signal is looked for. */
const BATCHES_PER_TURN = 32;

/** How often a flood of a certain rate sends what is due. */
const PACE_MS = 1;

const [interfaceName = "", kind = "junk", target = "", bytes = "60", rate = "0"] = process.argv.slice(2);
const frameBytes = Number(bytes);
const perSecond = Number(rate);
const random = new Random();
const memory = nativeMemory(FRAMES * frameBytes);
const to = Buffer.from(target.replaceAll(":", ""), "hex");

/** Random bytes, and of a frame's header so much as the kind of flood makes right. */
function fill(frame: Buffer, flood: Flood): void {
	for (let i = 0; i < frame.length; i++) frame[i] = random.below(256);
	frame[6]! &= 0xfe;
	frame.writeUInt16BE(flood === "other" ? 0x0800 : ETHERTYPE_AOE, 12);
	to.copy(frame);
	switch (flood) {
		case "other":
		case "junk":
			break;
		case "foreign":
			// A host's address, but not the server's: requests that would be good ones.
			frame[0] = 0x02;
			frame[5]! ^= 1 + random.below(255);
			address(frame, 0);
			break;
		case "aimed":
			// For a shelf that is served, but no slot of it: nothing but the target itself can tell.
			address(frame, 1 + random.below(200));
			break;
		case "trims":
			trim(frame);
	}
}

/** An ATA command for a blade. */
function address(frame: Buffer, slot: number): void {
	const header = aoeFrame({ src: "", shelf: SHELF, slot }, 0, Buffer.alloc(0));
	header.copy(frame, TYPE_AT, TYPE_AT, TAG_AT);
}

/** DATA SET MANAGEMENT: every entry that the frame holds names a sector by chance. */
function trim(frame: Buffer): void {
	const blocks = Math.floor((frame.length - DATA_AT) / 512);
	address(frame, OTHER_SLOT);
	const registers = { aflags: 0x41, feature: 1, count: blocks, command: 0x06 };
	ataFrame({ src: "", shelf: SHELF, slot: OTHER_SLOT }, registers).copy(
		frame,
		ARGUMENTS_AT,
		ARGUMENTS_AT,
		ARGUMENTS_AT + 4,
	);
	for (let at = DATA_AT; at + 8 <= DATA_AT + blocks * 512; at += 8) {
		frame.writeUIntLE(random.below(OTHER_SECTORS), at, 6);
		frame.writeUInt16LE(1, at + 6);
	}
}

for (let i = 0; i < FRAMES; i++)
	fill(Buffer.from(memory.bytes.buffer, i * frameBytes, frameBytes), kind as Flood);
const dropAll = new Uint8Array(new Uint16Array([0x06, 0, 0, 0]).buffer);
const { handle } = native.portOpen(
	native.interfaceInfo(interfaceName)?.index ?? 0,
	ETHERTYPE_AOE,
	frameBytes,
	64,
	16 << 20,
	dropAll,
	() => undefined,
);
const batches = Array.from({ length: FRAMES / BATCH_FRAMES }, (_, batch) => {
	const list = new Float64Array(BATCH_FRAMES * SEND_FIELDS);
	for (let i = 0; i < BATCH_FRAMES; i++)
		list.set([memory.address + (batch * BATCH_FRAMES + i) * frameBytes, frameBytes, 0, 0], i * SEND_FIELDS);
	return list;
});
const error = new Int32Array(1);
const begunMs = performance.now();
let sent = 0;

function send(): void {
	const due = perSecond === 0 ? Number.POSITIVE_INFINITY : ((performance.now() - begunMs) / 1000) * perSecond;
	for (let turn = 0; turn < BATCHES_PER_TURN && sent < due; turn++) {
		const count = Math.min(BATCH_FRAMES, Math.ceil(due - sent));
		sent += native.portSend(handle, batches[turn % batches.length]!, count, error);
	}
	if (sent < due) setImmediate(send);
	else setTimeout(send, PACE_MS);
}

process.on("SIGTERM", () => {
	const seconds = (performance.now() - begunMs) / 1000;
	process.stdout.write(`sent ${sent} ${Math.round(sent / seconds)}\n`, () => process.exit(0));
});
process.stdout.write("flooding\n");
send();
