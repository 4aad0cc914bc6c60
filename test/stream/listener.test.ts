// A socket that listens, when the kernel has no room to watch one more client: that client is gone, nothing else is.

import { readdirSync } from "node:fs";
import { connect } from "node:net";
import path from "node:path";
import t from "tap";
import { Errno, native } from "../../lib/native.js";
import { connectTo } from "../../lib/stream/connect.js";
import { Listener, listenOnUnix } from "../../lib/stream/listener.js";
import { scratchDirectory } from "../support/cleanup.js";

const { streamOpen } = native;
const descriptors = (): number => readdirSync("/proc/self/fd").length;

/** As `epoll_ctl` does beyond `/proc/sys/fs/epoll/max_user_watches`. */
function noRoom(): never {
	throw Object.assign(new Error("ENOSPC"), { errno: Errno.ENOSPC, step: "watch" });
}

t.teardown(() => {
	native.streamOpen = streamOpen;
});

t.test("a client who can't be watched is cut off, and the next one is taken in", async (t) => {
	const file = path.join(scratchDirectory(), "socket");
	let taken = 0;
	const listener = new Listener(await listenOnUnix(file), (stream) => {
		taken += 1;
		stream.close();
	});
	t.teardown(() => listener.close());
	let refused = 0;
	native.streamOpen = () => {
		refused += 1;
		return noRoom();
	};
	// (Both are cut off, the one by us, the other by the stream that was taken in.)
	const gone = (): Promise<void> =>
		new Promise((resolve) =>
			connect(file)
				.on("close", () => resolve())
				.on("error", () => {})
				.resume(),
		);
	await gone();
	t.same([taken, refused], [0, 1]);
	native.streamOpen = streamOpen;
	await gone();
	t.equal(taken, 1);
});

t.test("a connection of ours that can't be watched leaves no descriptor", async (t) => {
	const file = path.join(scratchDirectory(), "socket");
	const listener = new Listener(await listenOnUnix(file), (stream) => stream.close());
	t.teardown(() => listener.close());
	native.streamOpen = noRoom;
	const before = descriptors();
	for (let i = 0; i < 8; i++)
		await t.rejects(connectTo({ kind: "unix", path: file }, 1000), { message: /ENOSPC/ });
	native.streamOpen = streamOpen;
	// (Clients that the listener has yet to take in are its own.)
	await new Promise((resolve) => setTimeout(resolve, 50));
	t.equal(descriptors(), before);
});
