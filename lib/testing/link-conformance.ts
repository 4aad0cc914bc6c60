/**
 * What every link must do, as tests that any link can be put through: two links that can hear each other go in, reports
 * come out. Called by the tests of each link (and by whoever writes another one); shipped, so that it needs no test runner:
 * `LinkReporter` is as much of one as it uses, and a tap `t` fits.
 */

import { invariant } from "../errors.js";
import { ALL_PEERS, type FrameRoom, type Link } from "../link/link.js";
import type { Pump } from "../pump.js";
import { ETH_HEADER_BYTES, ETH_MIN_FRAME_BYTES, ethDestination, MAC_BROADCAST } from "../wire/ethernet.js";
import { Collector, Echo, fillFrame, Holder, isIntact, take } from "./link-conformance-ends.js";

export interface LinkReporter {
	test(name: string, body: (t: LinkAssertions) => Promise<void>): PromiseLike<unknown>;
}

export interface LinkAssertions {
	equal(found: unknown, wanted: unknown, message: string): unknown;
	ok(value: unknown, message: string): unknown;
}

/** Two ends of one Ethernet, up, new and not attached, both served by `pump`. */
export interface LinkPair {
	readonly pump: Pump;
	readonly near: Link;
	readonly far: Link;
	/** Closes what is still open. */
	close(): Promise<void>;
}

/** Frames sent in one run of the pump; every link has room for as many. */
const BATCH = 16;

/** Runs the suite; `makePair` is called once per test. */
export async function linkConformance(
	reporter: LinkReporter,
	name: string,
	makePair: () => Promise<LinkPair>,
): Promise<void> {
	for (const [title, body] of Object.entries(cases)) {
		await reporter.test(`${name}: ${title}`, async (t) => {
			const pair = await makePair();
			try {
				await body(t, pair);
			} finally {
				await pair.close();
			}
		});
	}
}

type Case = (t: LinkAssertions, pair: LinkPair) => Promise<void>;

const cases: Record<string, Case> = {
	"frames of every size arrive intact, both ways": async (t, pair) => {
		const ends = attachBoth(pair);
		await sendSizes(t, pair, pair.far, ends.far, pair.near, ends.near, 101);
		await sendSizes(t, pair, pair.near, ends.near, pair.far, ends.far, 1);
		t.equal(ends.far.peers.size, 1, "all from one peer");
	},

	"short frames are padded with zeros": async (t, pair) => {
		const ends = attachBoth(pair);
		await introduce(pair, ends);
		for (const headBytes of [ETH_HEADER_BYTES, 24, 59]) {
			const room = take(pair.near);
			room.memory.bytes.fill(0xff, room.offset, room.offset + room.capacityBytes);
			fillFrame(room, headBytes, pair.near.mac, pair.far.mac);
			send(pair, pair.near, room, headBytes, ends.near.peer);
			const [frame] = await ends.far.take(1);
			t.equal(frame?.length, ETH_MIN_FRAME_BYTES, `${headBytes} bytes become 60`);
			t.ok(
				frame?.subarray(headBytes).every((byte) => byte === 0),
				"the rest are zeros",
			);
		}
	},

	"a batch arrives in order": async (t, pair) => {
		const ends = attachBoth(pair);
		await introduce(pair, ends);
		for (let round = 0; round < 4; round++) {
			for (let number = 0; number < BATCH; number++) {
				const room = take(pair.near);
				fillFrame(room, 64, pair.near.mac, pair.far.mac);
				room.memory.bytes[room.offset + 60] = number;
				pair.near.transmit(room, 64, ends.near.peer);
			}
			pair.pump.run();
			const frames = await ends.far.take(BATCH);
			t.equal(frames.map((frame) => frame[60]).join(), [...Array(BATCH).keys()].join(), `round ${round}`);
		}
	},

	"received bytes hold until the pump has run": async (t, pair) => {
		const holder = new Holder();
		const near = new Collector();
		pair.pump.addStorage(holder);
		pair.near.attach(near);
		pair.far.attach(holder);
		await introduce(pair, { near, far: holder });
		for (let number = 0; number < BATCH; number++) {
			const room = take(pair.near);
			fillFrame(room, 60 + number * 7, pair.near.mac, pair.far.mac);
			pair.near.transmit(room, 60 + number * 7, near.peer);
		}
		pair.pump.run();
		await holder.take(BATCH);
		t.ok(holder.drains > 0, "the pump ran after the frames were delivered");
		t.equal(holder.spoiled, 0, "and every byte was still there");
		pair.pump.remove(holder);
	},

	"rooms run out and come back": async (t, pair) => {
		const ends = attachBoth(pair);
		await introduce(pair, ends);
		const rooms = takeAll(pair.near);
		t.ok(rooms.length >= BATCH, `${rooms.length} rooms`);
		t.ok(
			rooms.every((room) => room.capacityBytes >= pair.near.mtu + ETH_HEADER_BYTES),
			"each holds the longest frame",
		);
		t.equal(new Set(rooms.map((room) => `${room.offset}`)).size, rooms.length, "no two are the same");
		for (const room of rooms) pair.near.release(room);
		t.equal(takeAllAndRelease(pair.near), rooms.length, "all come back when released");
		queueBatch(pair, ends, 60);
		pair.pump.run();
		await ends.far.take(BATCH);
		t.equal(takeAllAndRelease(pair.near), rooms.length, "all come back when sent");
	},

	"room is made for more, and nothing is lost for that": async (t, pair) => {
		const ends = attachBoth(pair);
		await introduce(pair, ends);
		const rooms = takeAllAndRelease(pair.near);
		const held = take(pair.near);
		queueBatch(pair, ends, 400);
		pair.near.makeRoom(rooms * 4);
		pair.pump.run();
		// On a link with a socket they are there, and have not been looked at.
		pair.far.makeRoom(rooms * 4);
		t.equal((await ends.far.take(BATCH)).length, BATCH, "what waited has arrived");
		fillFrame(held, 60, pair.near.mac, pair.far.mac);
		send(pair, pair.near, held, 60, ends.near.peer);
		t.equal((await ends.far.take(1)).length, 1, "a room that was out is still good");
		const more = takeAllAndRelease(pair.near);
		pair.near.makeRoom(1);
		t.ok(more >= rooms && takeAllAndRelease(pair.near) === more, "there are never fewer");
		await introduce(pair, ends);
		t.ok(pair.near.stats.droppedOut + pair.far.stats.droppedIn === 0, "nothing was dropped");
	},

	"an answer given at once reaches the peer that asked": async (t, pair) => {
		const near = new Collector();
		pair.near.attach(near);
		pair.far.attach(new Echo());
		await introduce(pair, { near, far: null });
		for (let number = 0; number < BATCH; number++) {
			const room = take(pair.near);
			fillFrame(room, 100 + number, pair.near.mac, pair.far.mac);
			pair.near.transmit(room, 100 + number, near.peer);
		}
		pair.pump.run();
		const frames = await near.take(BATCH);
		for (const [number, frame] of frames.entries()) {
			t.equal(frame.length, 100 + number, `answer ${number}`);
			t.equal(ethDestination.get(frame, 0), pair.near.mac, "to us");
		}
	},

	"frames and drops are counted": async (t, pair) => {
		const ends = attachBoth(pair);
		await introduce(pair, ends);
		const before = pair.near.stats;
		const farBefore = pair.far.stats;
		queueBatch(pair, ends, 200);
		pair.pump.run();
		await ends.far.take(BATCH);
		t.equal(pair.near.stats.framesOut - before.framesOut, BATCH, "sent");
		t.equal(pair.far.stats.framesIn - farBefore.framesIn, BATCH, "received");
		t.equal(pair.near.stats.droppedOut, before.droppedOut, "none dropped on the way out");
		t.equal(pair.far.stats.droppedIn, farBefore.droppedIn, "none dropped on the way in");
	},

	"what a link has counted is a copy for each who asks": async (t, pair) => {
		const ends = attachBoth(pair);
		await introduce(pair, ends);
		const before = pair.near.stats;
		const { framesOut, droppedIn } = before;
		Object.assign(pair.near.stats, { framesOut: 1e6, droppedIn: 1e6 });
		const room = take(pair.near);
		fillFrame(room, 60, pair.near.mac, pair.far.mac);
		send(pair, pair.near, room, 60, ends.near.peer);
		await ends.far.take(1);
		t.equal(before.framesOut, framesOut, "it stays as it was");
		t.equal(pair.near.stats.framesOut, framesOut + 1, "the count goes on");
		t.equal(pair.near.stats.droppedIn, droppedIn, "whatever was done to a copy");
	},

	"close sends what is queued, and ends it": async (t, pair) => {
		const ends = attachBoth(pair);
		await introduce(pair, ends);
		queueBatch(pair, ends, 300);
		await pair.near.close();
		t.equal((await ends.far.take(BATCH)).length, BATCH, "what was queued left");
		const room = pair.far.acquire();
		if (room !== undefined) {
			fillFrame(room, 60, pair.far.mac, pair.near.mac);
			send(pair, pair.far, room, 60, ends.far.peer);
		}
		await pair.near.close();
		await pair.far.close();
		t.equal(ends.near.count, 0, "nothing is delivered any more");
	},
};

interface Ends {
	readonly near: Collector;
	readonly far: Collector;
}

function attachBoth(pair: LinkPair): Ends {
	const ends = { near: new Collector(), far: new Collector() };
	pair.near.attach(ends.near);
	pair.far.attach(ends.far);
	return ends;
}

/** A broadcast each way, so that both ends know each other's peer number; then what came in is forgotten. */
async function introduce(pair: LinkPair, ends: { near: Collector; far: Collector | null }): Promise<void> {
	broadcast(pair, pair.near);
	// Without a collector the far end answers by itself.
	if (ends.far !== null) {
		invariant((await ends.far.take(1)).length === 1, `nothing reaches ${pair.far.name}`);
		broadcast(pair, pair.far);
	}
	invariant((await ends.near.take(1)).length === 1, `nothing reaches ${pair.near.name}`);
}

function broadcast(pair: LinkPair, from: Link): void {
	const room = take(from);
	fillFrame(room, ETH_MIN_FRAME_BYTES, from.mac, MAC_BROADCAST);
	send(pair, from, room, ETH_MIN_FRAME_BYTES, ALL_PEERS);
}

/** From the near end to the far one; they wait for the pump. */
function queueBatch({ near, far }: LinkPair, ends: Ends, frameBytes: number): void {
	for (let number = 0; number < BATCH; number++) {
		const room = take(near);
		fillFrame(room, frameBytes, near.mac, far.mac);
		near.transmit(room, frameBytes, ends.near.peer);
	}
}

function send(pair: LinkPair, from: Link, room: FrameRoom, headBytes: number, peer: number): void {
	from.transmit(room, headBytes, peer);
	pair.pump.run();
}

async function sendSizes(
	t: LinkAssertions,
	pair: LinkPair,
	from: Link,
	fromEnd: Collector,
	to: Link,
	toEnd: Collector,
	step: number,
): Promise<void> {
	await introduce(pair, from === pair.near ? { near: fromEnd, far: toEnd } : { near: toEnd, far: fromEnd });
	const largest = Math.min(from.mtu, to.mtu) + ETH_HEADER_BYTES;
	const sizes: number[] = [];
	for (let size = ETH_MIN_FRAME_BYTES; size < largest; size += step) sizes.push(size);
	sizes.push(largest);
	let wrong = 0;
	for (let first = 0; first < sizes.length; first += BATCH) {
		const batch = sizes.slice(first, first + BATCH);
		for (const size of batch) {
			const room = take(from);
			fillFrame(room, size, from.mac, to.mac);
			from.transmit(room, size, fromEnd.peer);
		}
		pair.pump.run();
		const frames = await toEnd.take(batch.length);
		for (const [index, size] of batch.entries())
			if (frames[index]?.length !== size || !isIntact(frames[index], 0, size)) wrong += 1;
	}
	t.equal(wrong, 0, `${sizes.length} sizes up to ${largest}`);
}

function takeAll(link: Link): FrameRoom[] {
	const rooms: FrameRoom[] = [];
	for (let room = link.acquire(); room !== undefined; room = link.acquire()) rooms.push(room);
	return rooms;
}

function takeAllAndRelease(link: Link): number {
	const rooms = takeAll(link);
	for (const room of rooms) link.release(room);
	return rooms.length;
}
