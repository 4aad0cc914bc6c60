/**
 * Two servers for one address on a real network: started at the same moment, on a bridge that does not forward yet, cabled
 * together later, and beside vblade 25. In the end one serves, and says so. What may happen in which order is played through
 * in test/sim/neighbours.test.ts; here it is the programs, the kernel's bridge and links that really come up.
 *
 *    +---- a ----+         +-------- hub --------+         +---- b ----+
 *    |    lan0  <==========> to-a   br0   to-b <==========>  lan0    |
 *    +-----------+         +----- FramePort -----+         +-----------+
 */

import { writeFileSync } from "node:fs";
import path from "node:path";
import t, { type Test } from "tap";
import { scratchDirectory, until } from "../support/cleanup.js";
import { FramePort } from "../support/frame-port.js";
import { BROADCAST, configFrame, fieldsOf, respondsTo } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { ip, Namespace, namespacesMissing } from "../support/netns.js";
import { VBLADE25, vbladeCommand } from "../support/paths.js";
import type { Program } from "../support/process.js";
import { startOutcome } from "./stage.js";

const skip = namespacesMissing() ?? false;
const HUB_MAC = "02:00:00:00:00:c0";
const MAC = { a: "02:00:00:00:00:0a", b: "02:00:00:00:00:0b" } as const;
type Side = keyof typeof MAC;
const SIDES = ["a", "b"] as const;
/** How long an answer may take when nobody but us uses the LAN. */
const ANSWER_MS = 200;
/** The shortest that a bridge with STP takes for each of its two steps, in hundredths of a second. */
const FORWARD_DELAY = "200";
const LONGEST_DELAY = "3000";

// They mostly wait.
t.jobs = 5;

let hubs = 0;

class Hub {
	readonly hub: Namespace;
	readonly a: Namespace;
	readonly b: Namespace;
	#port: FramePort | undefined;
	#tag = 0x2000;

	constructor() {
		hubs++;
		const namespace = (number: number): Namespace => new Namespace(`vb${process.pid}s${hubs * 10 + number}`);
		[this.hub, this.a, this.b] = [namespace(0), namespace(1), namespace(2)];
		this.hub.ip("link", "add", "br0", "address", HUB_MAC, "type", "bridge");
		this.hub.ip("link", "set", "br0", "up");
		for (const side of SIDES) {
			const end = ["name", "lan0", "netns", this[side].name, "address", MAC[side]];
			ip("link", "add", ...end, "type", "veth", "peer", "name", `to-${side}`, "netns", this.hub.name);
			this.hub.ip("link", "set", `to-${side}`, "up");
		}
	}

	/** Brings both servers' interfaces up. */
	up(): void {
		for (const side of [this.a, this.b]) side.ip("link", "set", "lan0", "up");
	}

	join(side: Side): void {
		this.hub.ip("link", "set", `to-${side}`, "master", "br0");
	}

	joinBoth(): void {
		for (const side of SIDES) this.join(side);
	}

	/** The cable stays in, the link stays up: the frames go nowhere. */
	part(side: Side): void {
		this.hub.ip("link", "set", `to-${side}`, "nomaster");
	}

	start(side: Side, ...options: string[]): Program {
		return this.#start(side, vbladeCommand(), options);
	}

	startVblade25(side: Side): Program {
		return this.#start(side, [VBLADE25], []);
	}

	#start(side: Side, command: readonly string[], options: string[]): Program {
		const file = path.join(scratchDirectory(), "disk.img");
		writeFileSync(file, Buffer.alloc(512 * 1024));
		return this[side].start([...command, ...options, "9", "0", "lan0", file]);
	}

	async port(): Promise<FramePort> {
		this.#port ??= await FramePort.open(this.hub, "br0");
		return this.#port;
	}

	/** Who answers for 9.0. */
	async owners(): Promise<string[]> {
		const port = await this.port();
		const header = { dst: BROADCAST, src: HUB_MAC, shelf: 9, slot: 0, tag: ++this.#tag };
		const answers = await port.answers(
			configFrame(header, 0),
			(frame) => respondsTo(frame, header.tag),
			ANSWER_MS,
		);
		return answers.map((frame) => fieldsOf(frame).src).sort();
	}

	/** Waits until these answer, and nobody else. */
	async ownedBy(what: string, ...macs: string[]): Promise<void> {
		await until(what, async () => (await this.owners()).join() === macs.join(), LIMIT_MS);
	}

	async close(): Promise<void> {
		await this.#port?.close();
		for (const namespace of [this.a, this.b, this.hub]) namespace.remove();
	}
}

function onHub(name: string, act: (t: Test, hub: Hub) => Promise<void>): void {
	t.test(name, { skip }, async (t) => {
		const hub = new Hub();
		t.teardown(() => hub.close());
		await act(t, hub);
	});
}

onHub("both started in the same moment: one serves", async (t, hub) => {
	hub.joinBoth();
	const servers = { a: hub.start("a"), b: hub.start("b") };
	// Both wait a moment for their link to come up, and begin to ask when it does.
	for (const side of SIDES) {
		const isOpen = () => hub[side].exec("cat", "/proc/net/packet").includes("88a2");
		await until("it opens its link", isOpen, LIMIT_MS);
	}
	hub.up();
	let owner: string | undefined;
	const oneServes = async (): Promise<boolean> => {
		const owners = await hub.owners();
		[owner] = owners;
		return owners.length === 1 && Object.values(servers).some(isDone);
	};
	await until("one serves", oneServes, LIMIT_MS);
	const [winner, loser] = owner === MAC.a ? (["a", "b"] as const) : (["b", "a"] as const);
	t.equal(await startOutcome(servers[winner]), "serves");
	t.match(
		servers[loser].stderr,
		new RegExp(`${MAC[winner]}.*on lan0|not served on lan0 for now: ${MAC[winner]}`),
		"the other one says who does",
	);
	if (servers[loser].ended) t.equal(servers[loser].ended.code, 2);
});

onHub("a bridge with STP, started before it forwards", async (t, hub) => {
	const spanning = (delay: string) =>
		hub.hub.ip("link", "set", "br0", "type", "bridge", "stp_state", "1", "forward_delay", delay);
	// So long that both serve before it forwards, however long a start takes.
	spanning(LONGEST_DELAY);
	hub.joinBoth();
	hub.up();
	const servers = { a: hub.start("a"), b: hub.start("b") };
	t.same(
		await Promise.all(Object.values(servers).map(startOutcome)),
		["serves", "serves"],
		"nobody can know",
	);
	for (const side of SIDES) hub.part(side);
	spanning(FORWARD_DELAY);
	hub.joinBoth();
	const silent = /error: e9\.0: not served on lan0 for now: (\S+) there/;
	const isSilent = () => Object.values(servers).some(({ stderr }) => silent.test(stderr));
	await until("one falls silent", isSilent, LIMIT_MS);
	const loser = silent.test(servers.a.stderr) ? "a" : "b";
	const winner = loser === "a" ? "b" : "a";
	t.equal(silent.exec(servers[loser].stderr)?.[1], MAC[winner]);
	await hub.ownedBy("the other one serves", MAC[winner]);
	t.notMatch(servers[winner].stderr, silent);
});

onHub(
	"cabled together later: one falls silent, says so, and serves again when the other has gone",
	async (t, hub) => {
		hub.join("a");
		hub.up();
		const a = hub.start("a");
		t.equal(await startOutcome(a), "serves");
		const b = hub.start("b");
		t.equal(await startOutcome(b), "serves", "each on a network of its own");
		await hub.ownedBy("a alone is seen", MAC.a);
		hub.join("b");
		await b.waitFor(
			/error: e9\.0: not served on lan0 for now: 02:00:00:00:00:0a there has served it .*\n/,
			LIMIT_MS,
		);
		await hub.ownedBy("a serves", MAC.a);
		t.notMatch(a.stderr, /not served/);

		const from = b.output.length;
		b.signal("SIGUSR1");
		await b.waitFor(
			/e9\.0: silent on lan0, for 02:00:00:00:00:0a answers there since \d{4}-\d\d-\d\dT\S+Z\n/,
			5000,
			from,
		);
		a.signal("SIGKILL");
		await b.waitFor(
			/warn: e9\.0: served again on lan0: 02:00:00:00:00:0a no longer answers there\n/,
			LIMIT_MS,
		);
		await hub.ownedBy("b serves", MAC.b);
		t.equal(b.stderr.match(/error: /g)?.length, 1, "one line for it");
	},
);

onHub("a link that is down at the start: who else is there is asked when it comes up", async (t, hub) => {
	hub.joinBoth();
	hub.a.ip("link", "set", "lan0", "up");
	t.equal(await startOutcome(hub.start("a")), "serves");
	const late = hub.start("b");
	t.equal(await startOutcome(late), "serves");
	await late.waitFor(/warn: lan0 is down: who else answers for e9\.0 is asked when it comes up\n/, LIMIT_MS);
	hub.b.ip("link", "set", "lan0", "up");
	await late.waitFor(
		/error: e9\.0: not served on lan0 for now: 02:00:00:00:00:0a there answers for it already\n/,
		LIMIT_MS,
	);
	await hub.ownedBy("the first alone serves", MAC.a);
});

onHub("vblade 25 comes to an address that is served: it is left to it, until it goes", async (t, hub) => {
	hub.joinBoth();
	hub.up();
	const ours = hub.start("a");
	t.equal(await startOutcome(ours), "serves");
	const theirs = hub.startVblade25("b");
	await ours.waitFor(
		/error: e9\.0: not served on lan0 for now: 02:00:00:00:00:0b there answers for it and does not stop\n/,
		LIMIT_MS,
	);
	await hub.ownedBy("vblade 25 serves", MAC.b);
	t.equal(theirs.ended, undefined, "what we say to each other does it no harm");
	theirs.signal("SIGKILL");
	await ours.waitFor(/served again on lan0/, LIMIT_MS);
	await hub.ownedBy("ours serves", MAC.a);
});

onHub("two processes of one machine, which never hear each other", async (t, hub) => {
	hub.join("a");
	hub.up();
	const first = hub.start("a");
	t.equal(await startOutcome(first), "serves");
	const second = hub.start("a");
	t.equal(await startOutcome(second), "exits with status 2", "another file, the same address");
	t.match(
		second.stderr,
		/^vblade: another process of this machine on lan0 already answers for shelf 9 slot 0; .*--force.*\n$/,
	);
	for (const force of [[], ["--force"]]) {
		const twice = hub.start("a", ...force, "9", "0", "lan0", "mem:1M");
		t.equal(await startOutcome(twice), "exits with status 2", `twice in one command line ${force}`);
		t.equal(twice.stderr, "vblade: shelf 9 slot 0 is given twice on one interface\n");
	}
	const forced = hub.start("a", "--force");
	t.equal(await startOutcome(forced), "serves", "unless it is told to");
	await forced.stop();
	await first.stop("SIGKILL");
	const third = hub.start("a");
	t.equal(await startOutcome(third), "serves", "when the first is gone, however it went");
	t.equal(
		await startOutcome(hub.start("b")),
		"serves",
		"on another machine's interface of that name it is free",
	);
});

onHub("one made-up frame does not stop a disk", async (t, hub) => {
	hub.join("a");
	hub.up();
	const server = hub.start("a");
	t.equal(await startOutcome(server), "serves");
	const port = await hub.port();
	const header = { dst: BROADCAST, src: "02:00:00:00:00:66", shelf: 9, slot: 0, tag: 1, flags: 8 };
	port.send(configFrame(header, 0));
	await server.waitFor(
		/warn: e9\.0: 02:00:00:00:00:66 on lan0 answers for the same shelf and slot/,
		LIMIT_MS,
	);
	const asks = () => port.received.filter((frame) => fieldsOf(frame).src === MAC.a && (frame[14]! & 8) === 0);
	const asked = asks().length;
	await until("it asks who that is", () => asks().length > asked, LIMIT_MS);
	await hub.ownedBy("and serves on", MAC.a);
	t.notMatch(server.stderr, /not served/);
});

/** A server that has refused to start, or has said that it is silent. */
function isDone({ ended, stderr }: Program): boolean {
	return ended !== undefined || /not served/.test(stderr);
}
