/** Channels over real sockets: order, descriptors, ends, peers that break the rules. Mirrors lib/channel/channel.ts. */

import { closeSync, openSync, readFileSync } from "node:fs";
import fc from "fast-check";
import t from "tap";
import { Channel } from "../../lib/channel/channel.js";
import { startFrame } from "../../lib/channel/frames.js";
import { Errno, native } from "../../lib/native.js";
import { pause, until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { newDirectory, newFile } from "../support/mounts.js";
import { descriptor, ends, halfRaw, isSameFile, Notes, openDescriptors } from "./ends.js";

const MIB = 1024 * 1024;

t.test("messages arrive both ways, in order, as they were", async (t) => {
	const { near, far, atNear, atFar } = ends(t, { longestBytes: 8 * MIB });
	const large = new Uint8Array(8 * MIB).map((_, i) => i * 7);
	t.ok(near.send({ first: 1, text: "\u{1f980}" }));
	t.ok(near.send(large));
	t.ok(near.send(new Uint8Array(0)));
	// What waits is as it was when it was sent.
	large.fill(0);
	t.ok(near.send({ last: true }));
	t.ok(far.send({ from: "far" }));
	await atFar.came(4);
	await atNear.came(1);
	const [first, bytes, empty, last] = atFar.bodies;
	t.strictSame(
		[first, last, atNear.bodies],
		[{ first: 1, text: "\u{1f980}" }, { last: true }, [{ from: "far" }]],
	);
	t.ok(
		bytes instanceof Uint8Array &&
			bytes.length === 8 * MIB &&
			bytes.every((value, i) => value === ((i * 7) & 255)),
	);
	t.ok(empty instanceof Uint8Array && empty.length === 0);
	t.equal(near.waitingBytes, 0);
	if (bytes instanceof Uint8Array) t.equal(bytes.byteOffset % 8, 0, "may be looked at as numbers");
});

t.test(
	"who sends hears when the kernel has all of it, and of what can't be sent hears nothing",
	async (t) => {
		const { near, atFar } = ends(t, { longestBytes: 8 * MIB });
		const sent: string[] = [];
		const isSent = (what: string) => () => sent.push(what);
		near.send({ small: true }, [], isSent("small"));
		t.strictSame(sent, ["small"]);
		near.send(new Uint8Array(8 * MIB), [], isSent("bytes"));
		near.send({ behind: true }, [], isSent("behind"));
		t.strictSame(sent, ["small"], "no socket takes so much at once");
		await atFar.came(3);
		t.strictSame(sent, ["small", "bytes", "behind"]);
		near.close();
		near.send({}, [], isSent("after the end"));
		t.strictSame(sent, ["small", "bytes", "behind"]);
	},
);

t.test("descriptors travel with their message, and are nobody's else", async (t) => {
	const before = openDescriptors();
	const { near, atFar } = ends(t, { mostFiles: 253 }, true);
	const files = [1, 2, 3].map(() => newFile(newDirectory(), MIB));
	const same = files.map((file) => openSync(file, "r"));
	for (const [index, file] of files.entries()) near.send({ index }, [openSync(file, "r+")]);
	near.send(new Uint8Array(2 * MIB - MIB), [descriptor(), descriptor()]);
	near.send({}, Array.from({ length: 253 }, descriptor));
	await atFar.came(5);
	t.equal(atFar.kept.length, 3 + 2 + 253);
	for (const [index, original] of same.entries()) {
		t.ok(isSameFile(original, atFar.kept[index] ?? -1), `file ${index}`);
		closeSync(original);
	}
	for (const file of atFar.kept) closeSync(file);
	t.equal(openDescriptors(), before + 2, "the sender has kept none");
});

t.test("what is sent too much of is a bug here, and of the wrong kind is none", async (t) => {
	const { near } = ends(t);
	t.throws(() => near.send({}, new Array(254).fill(0)), { name: "InvariantError" });
	const file = openSync("/dev/null", "r");
	t.teardown(() => closeSync(file));
	t.throws(() => new Channel(file, new Notes()), { message: "Socket operation on non-socket" });
	t.throws(() => new Channel(1, new Notes()), TypeError, "standard output");
});

t.test("10,000 descriptors, and none is left", async (t) => {
	const before = openDescriptors();
	const { near, far, atFar } = ends(t, { mostFiles: 100 });
	for (let wave = 1; wave <= 10; wave++) {
		for (let i = 0; i < 10; i++) near.send({ wave, i }, Array.from({ length: 100 }, descriptor));
		await atFar.came(10 * wave);
	}
	t.equal(atFar.fileCount, 10_000);
	t.equal(openDescriptors(), before + 2, "those that nobody takes are closed");
	near.close();
	far.close();
	t.equal(openDescriptors(), before);
});

t.test("whoever does not read is cut off before the memory is full", async (t) => {
	const before = openDescriptors();
	const [one, other] = native.socketPair();
	const notes = new Notes();
	const near = new Channel(one, notes, { mostWaitingBytes: 4 * MIB });
	let sent = 0;
	while (near.send(new Uint8Array(100_000), [descriptor()])) {
		sent += 1;
		if (sent > 100) break;
	}
	t.ok(sent > 20 && sent < 60, `${sent} messages`);
	t.equal(near.waitingBytes, 0);
	t.equal(notes.end, undefined, "not in the middle of sending");
	t.equal(await notes.isOver(), "the other end does not read");
	t.notOk(near.send({}, [descriptor()]));
	closeSync(other);
	await until("what was under way is gone", () => openDescriptors() === before, LIMIT_MS);
});

t.test("a slow reader gets all of it", async (t) => {
	const { near, atNear, raw } = halfRaw(t);
	const message = new Uint8Array(50_000).fill(7);
	for (let i = 0; i < 40; i++) t.ok(near.send(message));
	t.ok(near.waitingBytes > MIB, `${near.waitingBytes} bytes wait`);
	const into = new Uint8Array(3001);
	const files = new Int32Array(300);
	let count = 0;
	while (count < 40 * 50_008) {
		const received = native.channelReceive(raw.handle, into, files);
		if (received === -Errno.EAGAIN) await new Promise((resolve) => setImmediate(resolve));
		else count += received;
	}
	t.equal(count, 40 * 50_008);
	await until("nothing waits", () => near.waitingBytes === 0, LIMIT_MS);
	t.equal(atNear.end, undefined);
});

t.test("the end of the other end", async (t) => {
	const said = async (last: (raw: ReturnType<typeof halfRaw>["raw"]) => void) => {
		const { near, atNear, raw } = halfRaw(t, { mostFiles: 1 });
		// Something that it never read: then the kernel says "reset" instead.
		near.send({ unread: true });
		last(raw);
		raw.close();
		const why = await atNear.isOver();
		t.notOk(near.send({}), "nobody to send to");
		near.close();
		return [why, atNear.bodies.length];
	};
	const frame = Buffer.concat([startFrame("json", 2, 0), Buffer.from("{}")]);
	t.strictSame(await said(() => {}), ["ended", 0]);
	t.strictSame(await said((raw) => raw.send(frame)), ["ended", 1], "its last words are heard");
	t.strictSame(await said((raw) => raw.send(frame.subarray(0, 9))), ["ended within a message", 0]);
	t.strictSame(await said((raw) => raw.send(frame.subarray(0, 3))), ["ended within a message", 0]);
	const before = openDescriptors();
	const lone = startFrame("json", 2, 1);
	const file = descriptor();
	t.strictSame(await said((raw) => raw.send(lone, [file])), ["ended within a message", 0]);
	closeSync(file);
	t.equal(openDescriptors(), before, "a descriptor whose message never came is closed");
});

t.test("last words are heard by one who is sending", async (t) => {
	const { near, atNear, raw } = halfRaw(t);
	raw.send(Buffer.concat([startFrame("json", 2, 0), Buffer.from("{}")]));
	raw.close();
	t.notOk(near.send({ sent: "to nobody" }, [descriptor()]));
	t.equal(await atNear.isOver(), "ended");
	t.equal(atNear.bodies.length, 1);
});

t.test("who breaks the rules is cut off, and what it sent is closed", async (t) => {
	const before = openDescriptors();
	const files = Array.from({ length: 5 }, descriptor);
	const cases: [Buffer, readonly number[], RegExp][] = [
		[startFrame("bytes", 2 ** 32 - 1, 0), [], /a frame of 4294967295 bytes \(at most 1048576\)/],
		[startFrame("json", 2, 5), files, /5 descriptors at once \(at most 2\)/],
		[startFrame("json", 2, 2), files, /descriptors? instead|5 descriptors/],
		[Buffer.from("GET / HTTP/1.1\r\n\r\n"), [], /unknown kind/],
	];
	for (const [bytes, sent, why] of cases) {
		const { near, atNear, raw } = halfRaw(t, { mostFiles: 2 });
		raw.send(Buffer.concat([bytes, Buffer.from("{}")]), sent);
		t.match(await atNear.isOver(), why);
		t.match(atNear.end, /^the other end breaks the rules: /);
		near.close();
		raw.close();
	}
	for (const file of files) closeSync(file);
	t.equal(openDescriptors(), before);
});

t.test("a hostile stream leaves nothing behind", async (t) => {
	const before = openDescriptors();
	const file = descriptor();
	const head = fc
		.tuple(fc.constantFrom("json" as const, "bytes" as const), fc.nat(40), fc.nat(3))
		.map(([kind, length, count]) => startFrame(kind, length, count));
	const pieces = fc.array(
		fc.tuple(fc.oneof(head, fc.uint8Array({ minLength: 1, maxLength: 50 })), fc.nat(3)),
	);
	await fc.assert(
		fc.asyncProperty(pieces, async (stream) => {
			const { near, atNear, raw } = halfRaw(t, { mostFiles: 2 });
			for (const [bytes, count] of stream) raw.send(bytes, new Array<number>(count).fill(file));
			raw.close();
			await atNear.isOver();
			near.close();
		}),
	);
	closeSync(file);
	t.equal(openDescriptors(), before);
});

t.test("a channel that its user closes tells nothing more", async (t) => {
	const { near, far, atFar } = ends(t);
	atFar.onMessage = () => far.close();
	near.send({ first: 1 });
	near.send({ second: 2 });
	await atFar.came(1);
	await pause(20);
	t.strictSame([atFar.bodies.length, atFar.end], [1, undefined]);
	far.close();
});

t.test("a pair of sockets is closed in programs that are started, and so is what came", async (t) => {
	const pair = native.socketPair();
	const copy = native.duplicate(pair[0]);
	const file = descriptor();
	t.ok(copy > 2 && isSameFile(copy, pair[0]));
	const { near, atFar } = ends(t, { mostFiles: 1 }, true);
	near.send({}, [file]);
	await atFar.came(1);
	for (const open of [...pair, copy, ...atFar.kept]) {
		t.match(readFileSync(`/proc/self/fdinfo/${open}`, "utf8"), /^flags:\t0*2[0-7]{6}$/m, "O_CLOEXEC");
		closeSync(open);
	}
	t.throws(() => native.duplicate(copy), { message: "Bad file descriptor" });
});
