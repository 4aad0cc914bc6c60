// TLS of the NBD server over a line that cuts everything into pieces of any length, holds them up, damages a byte, or ends in the middle: what
// arrives is what was sent, or nothing is; no connection stays behind, and the next client is served. FUZZ_SEED=n begins with that seed.

import { Socket } from "node:net";
import { setImmediate as turn } from "node:timers/promises";
import t from "tap";
import { native } from "../../lib/native.js";
import { Command, NbdError, Option, OptionReply } from "../../lib/nbd/protocol.js";
import { Random } from "../../lib/random.js";
import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { nameQuery, TestClient } from "./client.js";
import { begun, secured, type Under, under } from "./tls-under.js";

const FIRST_SEED = Number(process.env.FUZZ_SEED ?? 1 + Math.floor(Math.random() * 1e6));
const SEEDS = rounds(24, 600);
/** About as many bytes as a whole conversation has, one way. */
const CONVERSATION = 400_000;
const PATIENCE_MS = 5000;
const LENGTHS = [512, 4096, 70_144] as const;

type Harm = "none" | "damage" | "end";

/** Carries what one sends to the other, in pieces; does harm once `left` bytes have gone by. */
function carry(from: Socket, to: Socket, random: Random, harm: Harm, left: number): void {
	let queue = Promise.resolve();
	const piece = async (bytes: Buffer): Promise<void> => {
		if (harm === "damage" && left >= 0 && left < bytes.length) bytes[left]! ^= 1 + random.below(255);
		if (harm === "end" && left < bytes.length) {
			to.end(bytes.subarray(0, Math.max(left, 0)));
			from.destroy();
		} else if (!to.destroyed) to.write(bytes);
		left -= bytes.length;
		if (random.below(4) === 0) await turn();
	};
	from.on("data", (bytes: Buffer) => {
		queue = queue.then(async () => {
			for (let at = 0; at < bytes.length; ) {
				const length = 1 + random.below(random.below(2) === 0 ? 40 : 20_000);
				await piece(Buffer.from(bytes.subarray(at, at + length)));
				at += length;
			}
		});
	});
	from.on("close", () => (queue = queue.then(() => void to.destroy())));
}

/** A client's end of a line to the server, on which TLS is to begin. */
async function line(all: Under, random: Random, harm: Harm): Promise<Socket> {
	const far = await begun(all);
	const [ours, theirs] = native.socketPair();
	const middle = new Socket({ fd: theirs, readable: true, writable: true });
	middle.on("error", () => {});
	const isThere = random.below(2) === 0;
	const place = random.below(random.below(2) === 0 ? 3000 : CONVERSATION);
	carry(middle, far, random, isThere ? harm : "none", place);
	carry(far, middle, random, isThere ? "none" : harm, place);
	const socket = new Socket({ fd: ours, readable: true, writable: true });
	socket.on("error", () => {});
	return socket;
}

/** Writes, and reads again. Throws if the line broke. False: what was read is not what was written. */
async function converse(socket: Socket, random: Random): Promise<boolean> {
	const client = new TestClient(await secured(socket));
	client.option(Option.go, nameQuery("web"));
	if ((await client.answers()).at(-1)!.reply !== OptionReply.ack) throw new Error("refused");
	for (let i = 0n; i < 8n; i++) {
		const length = random.pick(LENGTHS);
		const data = Buffer.alloc(length, `${i} ${random.below(1000)}`);
		const offset = 512 * random.below(1000);
		if ((await client.write(offset, data)) !== NbdError.none) throw new Error("not written");
		client.request(Command.read, i, offset, length);
		if ((await client.simple()).error !== NbdError.none) throw new Error("not read");
		if (!(await client.take(length)).equals(data)) return false;
	}
	client.end();
	return true;
}

/** True: all of it went well. False: the line broke. */
async function play(all: Under, seed: number, harm: Harm): Promise<boolean> {
	const random = new Random(seed);
	const socket = await line(all, random, harm);
	// (Where a record says that it is longer than it is, each waits for the other, and one gives up.)
	const patience = setTimeout(() => socket.destroy(), PATIENCE_MS);
	try {
		if (!(await converse(socket, random))) throw new WrongData(`seed ${seed}, ${harm}`);
		return true;
	} catch (error) {
		if (error instanceof WrongData) throw error;
		return false;
	} finally {
		clearTimeout(patience);
		socket.destroy();
		const isOver = (): boolean => [...all.server.server.connections()].length === 0;
		await until(`that seed ${seed} leaves no connection`, isOver, LIMIT_MS);
	}
}

class WrongData extends Error {}

for (const harm of ["none", "damage", "end"] as const)
	t.test(`a line that does this to what goes by: ${harm}`, async (t) => {
		const all = await under(t);
		let well = 0;
		for (let seed = FIRST_SEED; seed < FIRST_SEED + SEEDS; seed++) {
			const isWell = await play(all, seed, harm);
			if (isWell) well += 1;
			if (harm === "none") t.ok(isWell, `seed ${seed}`);
		}
		if (harm !== "none") t.ok(well < SEEDS, `${SEEDS - well} of ${SEEDS} broke, from seed ${FIRST_SEED} on`);
		t.ok(await play(all, FIRST_SEED, "none"), "and the next one is served");
	});
