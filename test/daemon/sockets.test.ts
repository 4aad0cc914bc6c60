// Sockets that listen, as a configuration says at present: what changes while one of them is being opened.

import { connect } from "node:net";
import path from "node:path";
import t from "tap";
import { Sockets } from "../../lib/daemon/sockets.js";
import type { SocketSpec } from "../../lib/spec/spec.js";
import { listenOnUnix } from "../../lib/stream/listener.js";
import { scratchDirectory } from "../support/cleanup.js";

const say = (): void => {};

/** Sockets whose opener answers when the test has it do so. */
function under() {
	const folder = scratchDirectory();
	const asked: { name: string; answer: (descriptor: number) => void }[] = [];
	let clients = 0;
	const sockets = new Sockets({
		log: { error: say, warn: say, info: say, verbose: say },
		protocol: "nbd",
		accept: (stream) => {
			clients += 1;
			stream.close();
		},
		open: ({ name }) => new Promise((answer) => asked.push({ name, answer })),
	});
	t.teardown(() => sockets.close());
	const spec = (name: string): SocketSpec => {
		const file = path.join(folder, name);
		return { kind: "unix", name: `unix:${file}`, path: file };
	};
	const turns = async (): Promise<void> => {
		for (let left = 20; left > 0; left--) await new Promise(setImmediate);
	};
	/** Answers the next question with a new socket at its path. */
	const answer = async (): Promise<void> => {
		const { name, answer } = asked.shift()!;
		answer(await listenOnUnix(name.slice("unix:".length)));
		await turns();
	};
	/** Whether one who connects there is taken in. */
	const isServed = async ({ name }: SocketSpec): Promise<boolean> => {
		const before = clients;
		const client = connect(name.slice("unix:".length));
		await new Promise((resolve) => client.on("error", resolve).on("close", resolve).resume());
		return clients > before;
	};
	return { sockets, spec, asked, answer, turns, isServed };
}

t.test("an address that is left and wanted again while another is waited for is opened anew", async (t) => {
	const { sockets, spec, asked, answer, turns, isServed } = under();
	const [a, b] = [spec("a"), spec("b")];
	await sockets.begin([]);
	void sockets.follow([a]);
	await turns();
	await answer();
	t.ok(await isServed(a));
	void sockets.follow([a, b]);
	await turns();
	void sockets.follow([b]);
	void sockets.follow([b, a]);
	await answer();
	t.strictSame(
		asked.map(({ name }) => name),
		[b.name],
		"what came for the wish before it is not used",
	);
	await answer();
	await answer();
	t.ok(await isServed(a));
	t.ok(await isServed(b));
});

t.test("one that is left and wanted again while it is waited for itself", async (t) => {
	const { sockets, spec, asked, answer, turns, isServed } = under();
	const a = spec("a");
	await sockets.begin([]);
	void sockets.follow([a]);
	await turns();
	const first = asked[0]!;
	void sockets.follow([]);
	void sockets.follow([a]);
	await answer();
	t.equal(asked.length, 1, "it is asked for again");
	t.equal(asked[0]?.name, first.name);
	await answer();
	t.ok(await isServed(a));
	t.equal(asked.length, 0);
});
