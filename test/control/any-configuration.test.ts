/**
 * Whatever is asked for, by files or by commands, in any order, with restarts in between: it is done wholly, or nothing is changed. What
 * workers serve, and what is kept for the next start, is what was last taken, and no part of what was refused.
 */

import { isDeepStrictEqual } from "node:util";
import fc from "fast-check";
import { parse } from "smol-toml";
import t, { type Test } from "tap";
import type { Terms } from "../../lib/control/changes.js";
import { Refusal } from "../../lib/control/problem.js";
import { merged, understandMost, type Wish } from "../../lib/control/wish.js";
import { fingerprintOf } from "../../lib/control/worker-disk.js";
import { OperatorError } from "../../lib/errors.js";
import type { DiskSettings } from "../../lib/spec/schema.js";
import { VirtualClock } from "../../lib/testing/virtual-clock.js";
import { anyDisk, readText, soundConfig, texts } from "../spec/trees.js";
import { FILE, Stage, settle } from "./stage.js";

const PRESENT = ["eth0", "eth1"];
const FULL = new OperatorError("there is no space left (ENOSPC)");
const TERMS: Terms = { ifMatch: "*", dryRun: false };

type Step =
	| { readonly kind: "reload"; readonly text: string; readonly isFull: boolean }
	| {
			readonly kind: "add" | "patch" | "remove";
			readonly disk: readonly [string, DiskSettings];
			readonly isFull: boolean;
	  }
	/** What is started again. */
	| { readonly kind: "control" | "worker" | "all" };

const damaged = fc
	.tuple(texts, fc.nat(), fc.constantFrom("=", "[", "\n[disk.z]\n", "x = 1\n", "[daemon]\nworkers = 0\n"))
	.map(([text, at, damage]) => {
		const place = at % (text.length + 1);
		return text.slice(0, place) + damage + text.slice(place);
	});
/** Rarely, there is no room for the state. */
const isFull = fc.nat(7).map((number) => number === 0);
const steps = fc.array(
	fc.oneof(
		fc.record({ kind: fc.constant("reload" as const), text: fc.oneof(texts, damaged), isFull }),
		fc.record({ kind: fc.constantFrom("add", "patch", "remove"), disk: anyDisk, isFull }),
		fc.record({ kind: fc.constantFrom("control", "worker", "all") }),
	),
	{ minLength: 2, maxLength: 8 },
) as fc.Arbitrary<Step[]>;

const plain = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** A control process, and what it should have come to. */
class Trial {
	readonly stage = new Stage();
	#text = "";
	#added: Readonly<Record<string, DiskSettings>> = {};
	#overrides: Readonly<Record<string, DiskSettings | null>> = {};

	constructor(readonly t: Test) {
		this.stage.opener.text = "";
	}

	async start(): Promise<void> {
		await this.stage.start(this.t, {
			listeners: [],
			clock: new VirtualClock(),
			interfaceNames: () => PRESENT,
		});
		await settle();
	}

	async take(step: Step): Promise<void> {
		const isDone = await this.#try(step);
		this.stage.opener.broken = undefined;
		await settle();
		if (isDone && step.kind === "reload") [this.#text, this.#overrides] = [step.text, {}];
	}

	/** False if it is refused. */
	async #try(step: Step): Promise<boolean> {
		switch (step.kind) {
			case "reload":
				return this.#reload(step.text, step.isFull);
			case "worker":
				this.stage.workers.served.clear();
				this.stage.workers.listener?.started(0);
				return true;
			case "control":
			case "all":
				await this.#restart(step.kind === "all");
				return true;
			default:
				return this.#change(step.kind, ...step.disk, step.isFull);
		}
	}

	async #reload(text: string, isFull: boolean): Promise<boolean> {
		this.stage.opener.text = text;
		if (isFull) this.stage.opener.broken = FULL;
		const isGood = (await this.stage.control.reload()) === undefined;
		if (Array.isArray(readText(text)) && isGood) throw new Error("a file with an error was taken");
		if (!Array.isArray(readText(text)) && !isGood && !isFull) throw new Error("a good file was refused");
		return isGood;
	}

	async #restart(isAll: boolean): Promise<void> {
		const { stage } = this;
		await stage.control.close();
		if (isAll) stage.workers.served.clear();
		// Where nothing is served, the files count.
		if (stage.workers.served.size === 0) {
			stage.opener.text = this.#text;
			this.#overrides = {};
		}
		await this.start();
	}

	async #change(
		kind: "add" | "patch" | "remove",
		name: string,
		settings: DiskSettings,
		isFull: boolean,
	): Promise<boolean> {
		const { changes, jobs, desired } = this.stage.control.inside;
		const before = desired.config.disks.find((disk) => disk.name === name)?.settings ?? {};
		if (isFull) this.stage.opener.broken = FULL;
		try {
			const { job = "" } = await (kind === "remove"
				? changes.remove(name, TERMS)
				: changes[kind](name, settings, TERMS));
			await jobs.get(job)?.ended;
		} catch (error) {
			if (error instanceof Refusal || error instanceof OperatorError) return false;
			throw error;
		}
		const wanted = kind === "remove" ? null : kind === "add" ? settings : merged(before, { ...settings });
		const { [name]: _, ...others } = this.#added;
		const isOfFile = soundConfig(this.#text).disks.some((disk) => disk.name === name);
		if (isOfFile) this.#overrides = { ...this.#overrides, [name]: wanted };
		else this.#added = wanted === null ? others : { ...others, [name]: wanted };
		return true;
	}

	/** Why what is served, or kept, is not what was last taken; undefined: it is. */
	wrong(): string | undefined {
		const { workers, control } = this.stage;
		const { desired, jobs } = control.inside;
		const sources = { files: [{ path: FILE, text: this.#text }], debian: [] };
		const wish: Wish = { sources, runtime: desired.wish.runtime, overrides: this.#overrides };
		const config = understandMost(wish, { interfaceNames: () => PRESENT });
		if (Array.isArray(config)) return `it can't be understood: ${config.join()}`;
		const wanted = config.disks
			.filter(({ broken }) => broken === undefined)
			.map((disk) => `${disk.name} ${fingerprintOf(disk)}`);
		const served = [...workers.served].map((disk) => disk.join(" "));
		if (served.sort().join() !== wanted.sort().join()) return `served ${served}, wanted ${wanted}`;
		const kept = new TextDecoder().decode(this.stage.opener.files.get("runtime.toml") ?? new Uint8Array());
		if (kept !== desired.wish.runtime) return `kept ${kept}, runs ${desired.wish.runtime}`;
		const { disk = {} } = parse(kept);
		if (!isDeepStrictEqual(plain(disk), plain(this.#added))) return `kept ${kept}`;
		if (jobs.all().some(({ state }) => state === "running")) return "a job never ends";
		return undefined;
	}

	async end(): Promise<void> {
		await this.stage.close();
	}
}

t.test("wholly, or not at all", async (t) => {
	await fc.assert(
		fc.asyncProperty(steps, async (each) => {
			const trial = new Trial(t);
			await trial.start();
			try {
				for (const step of each) {
					await trial.take(step);
					const wrong = trial.wrong();
					if (wrong !== undefined) throw new Error(`after ${JSON.stringify(step)}: ${wrong}`);
				}
			} finally {
				await trial.end();
			}
		}),
		{ numRuns: 60 },
	);
	t.pass();
});
