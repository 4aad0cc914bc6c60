// A process that starts tunnels for another one: to those that were named, and to nobody else.

import { closeSync } from "node:fs";
import t from "tap";
import { Asking } from "../../lib/channel/asking.js";
import { OperatorError } from "../../lib/errors.js";
import { runKeeper, Tunnels } from "../../lib/gre/keeper.js";
import { native } from "../../lib/native.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { LIMIT_MS } from "../support/limit.js";
import { PEER } from "./packets.js";

t.test("a keeper starts tunnels to the peers that it knows, and ends with who asks", async (t) => {
	const [ours, theirs] = native.socketPair();
	const ended = runKeeper(theirs, [PEER]);
	const user = {
		answer: () => {
			throw new Error("asked");
		},
		told: () => {},
		ended: () => {},
	};
	const asking = new Asking(ours, user, { mostFiles: 1 });
	const ask = (body: object) => asking.ask({ body }, LIMIT_MS);
	const wrong = [
		{ kind: "tunnel", peer: "192.0.2.8" },
		{ kind: "tunnel", peer: [PEER] },
		{ kind: "tunnel" },
		{ kind: "open", peer: PEER },
		{},
	];
	for (const each of wrong)
		await t.rejects(ask(each), /is not one of those that were named at the start/, JSON.stringify(each));
	const first = (await ask({ kind: "tunnel", peer: PEER })).files.take();
	t.equal(first.length, 1, "the answer is one end of its stream");
	for (const each of first) closeSync(each);
	asking.close();
	await ended;
});

t.test("however often a tunnel is asked for, processes are started with pauses", async (t) => {
	const clock = new VirtualClock();
	const tunnels = new Tunnels(clock);
	closeSync(tunnels.start(PEER));
	for (let asked = 0; asked < 100; asked++)
		t.throws(
			() => tunnels.start(PEER),
			new OperatorError(`peer "${PEER}": a tunnel to it was started just now`),
		);
	closeSync(tunnels.start("192.0.2.9"));
	clock.pass(400);
	closeSync(tunnels.start(PEER));
});
