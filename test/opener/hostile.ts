/**
 * A child of the opener that somebody has taken over, for tests: started in place of a worker or control, it does what the test has
 * asked for in its environment, and writes what came of it to a file, a line each. Not a test by itself.
 */

import { appendFileSync, closeSync, readFileSync, readlinkSync } from "node:fs";
import { Asking, type Delivery } from "../../lib/channel/asking.js";
import { startFrame } from "../../lib/channel/frames.js";
import { type ChannelHandle, Errno, native } from "../../lib/native.js";
import { LIMIT_MS } from "../support/limit.js";

const OPENER = 3;
/** A second beginning would have come by then. */
const LISTEN_MS = 50;

/** What a child of each kind does; one that is not told anything lives until its channel ends. */
export interface Deeds {
	readonly report: string;
	readonly worker?: Deed;
	readonly control?: Deed;
}

export type Deed =
	/** Asks, one after the other, and reports what was answered. */
	| { readonly kind: "ask"; readonly questions: readonly object[] }
	/** Says all of this as it is, each with so many bytes and descriptors, again and again, and reads nothing. */
	| {
			readonly kind: "say";
			readonly messages: readonly object[];
			readonly times: number;
			readonly bytes?: number;
			readonly files?: number;
	  }
	/** Reports how often it hears what it is, and ends. */
	| { readonly kind: "listen" }
	/** Asks a question and ends in the middle of the next one. */
	| { readonly kind: "die"; readonly question: object };

const kind = process.argv.at(-1) as "worker" | "control";
const deeds = JSON.parse(readFileSync(process.env.HOSTILE ?? "", "utf8")) as Deeds;
const report = (line: object): void => appendFileSync(deeds.report, `${JSON.stringify({ kind, ...line })}\n`);

const deed = deeds[kind];
if (deed?.kind === "say") say(deed);
else await converse(deed);

/** Goes past `Channel`, which reads, and sends no faster than it is read. */
function say({ messages, times, bytes, files = 0 }: Extract<Deed, { kind: "say" }>): void {
	const channel = native.channelOpen(OPENER, () => {});
	const passed = Int32Array.from({ length: files }, () => native.duplicate(0));
	const frames = messages.flatMap((message) => {
		const text = Buffer.from(JSON.stringify(message));
		const frame = Buffer.concat([startFrame("json", text.length, files), text]);
		return bytes === undefined
			? [frame]
			: [frame, Buffer.concat([startFrame("bytes", bytes, 0), Buffer.alloc(bytes)])];
	});
	report({ begins: true });
	for (let i = 0; i < times; i++) for (const frame of frames) put(channel, frame, passed);
	pause(LIMIT_MS);
}

/** All of it, however long that takes. */
function put(channel: ChannelHandle, frame: Uint8Array, files: Int32Array): void {
	for (let at = 0; at < frame.length; ) {
		const sent = native.channelSend(channel, frame.subarray(at), at === 0 ? files : new Int32Array(0));
		if (sent === -Errno.EAGAIN) pause(1);
		else if (sent < 0) process.exit(1);
		else at += sent;
	}
}

function pause(ms: number): void {
	Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

async function converse(deed: Exclude<Deed, { kind: "say" }> | undefined): Promise<void> {
	const isOver = new Promise<void>((over) => {
		let beginnings = 0;
		const told = ({ body }: Delivery): void => {
			if (body.kind === "stop") process.exit(0);
			if (body.kind !== "begin") return;
			beginnings += 1;
			if (deed?.kind === "listen") setTimeout(() => leave(beginnings), LISTEN_MS);
		};
		const user = { answer: () => ({ body: {} }), told, ended: () => over() };
		const asking = new Asking(OPENER, user, { mostFiles: 64, longestBytes: Number.MAX_SAFE_INTEGER });
		if (deed?.kind === "ask") void askAll(asking, deed);
		if (deed?.kind === "die")
			void asking.ask({ body: deed.question }, LIMIT_MS).then(() => dieWithin(asking));
	});
	await isOver;
}

function leave(beginnings: number): void {
	report({ beginnings });
	process.exit(1);
}

async function askAll(asking: Asking, { questions }: Extract<Deed, { kind: "ask" }>): Promise<void> {
	for (const body of questions) {
		await asking.ask({ body }, LIMIT_MS).then(
			({ files }) => {
				const [file] = files.take();
				report({ answered: file === undefined ? "" : readlinkSync(`/proc/self/fd/${file}`) });
				if (file !== undefined) closeSync(file);
			},
			(error: Error) => report({ refused: error.message }),
		);
	}
	report({ done: true });
}

/** A frame of which only the head is ever sent. */
function dieWithin(asking: Asking): void {
	asking.tell({ body: {}, bytes: new Uint8Array(60_000) });
	process.kill(process.pid, "SIGKILL");
}
