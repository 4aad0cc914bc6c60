/**
 * Debian's vblade 25 and ours, side by side: each serves the same disk under the same addresses on a LAN of its own and gets
 * the same well-formed frames and the same troubles. Answers are equal, except where a row of `docs/differences.md` says
 * otherwise, and then both do what the row says. A row that nothing here tests is an error, too.
 */

import { existsSync } from "node:fs";
import t from "tap";
import { until } from "../support/cleanup.js";
import { differences } from "../support/differences.js";
import { BROADCAST, configFrame, fieldsOf, isResponse } from "../support/frames.js";
import { LIMIT_MS } from "../support/limit.js";
import { variants } from "../support/long.js";
import { namespacesMissing } from "../support/netns.js";
import { VBLADE25, vbladeCommand } from "../support/paths.js";
import type { Program } from "../support/process.js";
import { BEHAVIOURS } from "./behaviours.js";
import { Stage, told } from "./stage.js";
import { WIRE_GROUPS, type WireCase } from "./wire-cases.js";
import { describe, essence } from "./wire-replies.js";

const skip =
	namespacesMissing() ?? (existsSync(VBLADE25) ? false : "Debian's package vblade is not installed");
/** How long an answer that had to wait for the disk may come after the answer to a later query. */
const LATE_MS = 50;

/** One of the two servers. */
class Side {
	/** The case that is being looked at. */
	hasAnswered = false;
	readonly #stage: Stage;
	#server: Program | undefined;

	constructor(command: readonly string[]) {
		this.#stage = new Stage(command);
	}

	/** A server that knows nothing of what was before. */
	async restart(): Promise<void> {
		await this.#server?.stop("SIGKILL");
		this.#server = await this.#stage.serve();
		await this.#stage.port();
	}

	/** The answer to the last frame of a case, or what there was instead of it. None is waited for while `mayBeSilent`. */
	async answer({ frames }: WireCase, mayBeSilent: () => boolean): Promise<Buffer | string> {
		this.hasAnswered = false;
		const port = await this.#stage.port();
		const server = this.#server;
		if (!server) throw new Error("not started");
		// Whoever answers this has had the frames before it.
		const fence = this.#stage.header();
		const from = port.received.length;
		for (const frame of [...frames, configFrame(fence, 0)]) port.send(frame);
		const earlier = frames.slice(0, -1).map((frame) => fieldsOf(frame).tag);
		const replies = () => port.received.slice(from).filter(isAnswer);
		const judged = () => replies().filter((reply) => ![fence.tag, ...earlier].includes(fieldsOf(reply).tag));
		let fencedAt = Number.POSITIVE_INFINITY;
		const done = () => {
			if (replies().some((reply) => fieldsOf(reply).tag === fence.tag))
				fencedAt = Math.min(fencedAt, Date.now());
			this.hasAnswered ||= judged().length > 0;
			const sure = this.hasAnswered || (mayBeSilent() && Date.now() > fencedAt + LATE_MS);
			return server.ended !== undefined || (fencedAt < Number.POSITIVE_INFINITY && sure);
		};
		await until("an answer to the query after the case", done, LIMIT_MS);
		const [reply, more] = judged();
		if (more) return "several answers";
		return reply ?? (server.ended ? told(server) : "no answer");
	}

	close(): Promise<void> {
		return this.#stage.close();
	}
}

/** True for an AoE response to somebody; a server tells everybody that it is there, which is no answer. */
function isAnswer(frame: Buffer): boolean {
	return isResponse(frame) && fieldsOf(frame).dst !== BROADCAST;
}

t.test("frames", { skip }, async (t) => {
	const rows = differences("On the wire");
	const untested = new Set(rows.keys());
	const theirs = new Side([VBLADE25]);
	const ours = new Side(vbladeCommand());
	t.teardown(() => Promise.all([theirs.close(), ours.close()]));

	for (const group of WIRE_GROUPS) {
		await t.test(group.name, async (t) => {
			await Promise.all([theirs.restart(), ours.restart()]);
			for (const wireCase of group.cases) {
				const { name, tell = describe } = wireCase;
				const row = rows.get(name);
				// Where they are the same, what one answers the other will.
				const isSilent = (word: string | undefined, other: Side) => (): boolean =>
					row ? word === "no answer" : !other.hasAnswered;
				const [a, b] = await Promise.all([
					theirs.answer(wireCase, isSilent(row?.vblade25, ours)),
					ours.answer(wireCase, isSilent(row?.ours, theirs)),
				]);
				const words = (answer: Buffer | string) => (typeof answer === "string" ? answer : tell(answer));
				untested.delete(name);
				if (row) {
					t.equal(words(a), row.vblade25, `${name}: vblade 25`);
					t.equal(words(b), row.ours, `${name}: ours`);
					t.not(row.vblade25, row.ours, `${name}: a difference`);
				} else {
					const whole = (answer: Buffer | string) => (typeof answer === "string" ? answer : essence(answer));
					const same = wireCase.tell ? words : whole;
					t.equal(same(b), same(a), `${name}: the same answer (${words(a)})`);
				}
			}
		});
	}
	t.same([...untested], [], "every difference in docs/differences.md is tested");
});

t.test("behaviour", { skip, jobs: 2 }, async (t) => {
	const rows = differences("Around it");
	// Links, files, other servers, and of what is wrong with a command line one; each makes two networks of its own.
	for (const { name, outcome } of variants(BEHAVIOURS, 0, 2, 3, 6, 7, 10, 11, 12, 22)) {
		t.test(name, async (t) => {
			const [a, b] = await Promise.all([outcome([VBLADE25]), outcome(vbladeCommand())]);
			const row = rows.get(name);
			t.equal(a, row ? row.vblade25 : b, "vblade 25");
			t.equal(b, row ? row.ours : a, "ours");
			if (row) t.not(row.vblade25, row.ours, "a difference");
		});
	}
	const untested = [...rows.keys()].filter(
		(name) => !BEHAVIOURS.some((behaviour) => behaviour.name === name),
	);
	t.same(untested, [], "every difference in docs/differences.md is tested");
});
