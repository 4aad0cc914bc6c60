/**
 * Changes of one disk, as the API takes them: each becomes a wish and a plan, which is shown, or carried out if whoever asks has seen
 * the disk as it is (If-Match). Says how long a change holds, and whom it concerns. Used by `api/disks.ts`.
 */

import { createHash } from "node:crypto";
import { OperatorError } from "../errors.js";
import type { DiskConfig } from "../spec/configuration.js";
import { poolOnDisks } from "../spec/pool-path.js";
import type { DiskSettings } from "../spec/schema.js";
import { quote } from "../text.js";
import { missingVolume } from "./absent-volumes.js";
import type { Desired, Prospect } from "./desired.js";
import type { Jobs } from "./jobs.js";
import type { Plan } from "./model.js";
import { initiatorOn, type Observed, type ObservedInitiator } from "./observed.js";
import { demandPermits } from "./permits.js";
import { stepsOf } from "./plan.js";
import { demandTag, pointerTo, Refusal } from "./problem.js";
import type { DiskView, Opener, Workers } from "./seams.js";
import type { Steward } from "./steward.js";
import { checkSettings, merged, wishWith } from "./wish.js";
import { fingerprintOf } from "./worker-disk.js";

/** An initiator that has asked for something within that time may miss the disk. */
const ACTIVE_MS = 60_000;

const UNTIL_RELOAD =
	"a file names this disk: what is changed here holds until the next reload, or until vblade is started again";

const UNSERVED = "nothing serves it: it has neither aoe nor nbd nor iscsi";
const RUNTIME_PLACE = /^runtime\.toml:\d+:\d+: /;

export interface Outcome {
	readonly plan: Plan;
	/** undefined: nothing was to be done but the plan. */
	readonly job: string | undefined;
}

/** What whoever changes something has seen, and whether he only wants to know. */
export interface Terms {
	readonly ifMatch: string | undefined;
	readonly dryRun: boolean;
}

export class Changes {
	constructor(
		readonly desired: Desired,
		readonly observed: Observed,
		readonly jobs: Jobs,
		readonly now: () => number,
		readonly opener: Pick<Opener, "whyNotFile" | "whyNotLink" | "whyNotSecret">,
		readonly workers: Pick<Workers, "pool">,
	) {}

	/** Of what can be changed of a disk. */
	tagOf(steward: Steward): string {
		const { disk, isFenced } = steward;
		const seen = JSON.stringify([fingerprintOf(disk), disk.settings, disk.origin, isFenced]);
		return `"${createHash("sha256").update(seen).digest("hex").slice(0, 16)}"`;
	}

	add(name: string, settings: DiskSettings, terms: Terms): Promise<Outcome> {
		checkSettings(settings);
		return this.#change(name, terms, "adding", () => {
			if (this.#configured(name) !== undefined)
				throw new Refusal(409, `disk ${quote(name)}: there is one of this name already`, {
					errors: [{ pointer: pointerTo(["name"]), detail: `there is a disk ${quote(name)} already` }],
				});
			return settings;
		});
	}

	patch(name: string, patch: Readonly<Record<string, unknown>>, terms: Terms): Promise<Outcome> {
		return this.#change(name, terms, "changing", () => {
			const settings = merged(this.#wanted(name, terms).settings, patch);
			checkSettings(settings);
			return settings;
		});
	}

	remove(name: string, terms: Terms): Promise<Outcome> {
		return this.#change(name, terms, "removing", () => {
			const { partOf, disk } = this.#wanted(name, terms);
			const pool = disk.chunkOf === undefined ? undefined : poolOnDisks(disk.chunkOf);
			if (pool !== undefined)
				throw new Refusal(409, `disk ${quote(name)}: pool ${pool} names it; take it out of that first`);
			if (partOf !== undefined)
				throw new Refusal(409, `disk ${quote(name)}: is a part of disk ${partOf}; take it out of that first`);
			return null;
		});
	}

	/** At once: it is for when something is wrong. */
	async fence(name: string, fenced: boolean, terms: Terms): Promise<Steward> {
		const steward = this.desired.steward(name);
		if (steward === undefined) throw new Refusal(404, `disk ${quote(name)}: there is none of this name`);
		this.#checkTag(steward, terms);
		const { partOf } = steward.disk;
		// (Nobody is answered by it: it is the whole that initiators have.)
		if (fenced && partOf !== undefined)
			throw new Refusal(409, `disk ${quote(name)}: is a part of disk ${partOf}, which can be fenced`);
		if (!terms.dryRun && steward.isFenced !== fenced) await steward.fence(fenced);
		return steward;
	}

	async #change(
		name: string,
		terms: Terms,
		doing: string,
		settings: () => DiskSettings | null,
	): Promise<Outcome> {
		const isOfFile = this.#isOfFile(name);
		const find = (): Promise<Prospect> => this.#prospect(name, settings(), isOfFile);
		if (terms.dryRun) return { plan: await this.#foreseen(await find(), name, isOfFile), job: undefined };
		let plan: Plan = { steps: [], notices: [], users: [] };
		const job = await this.desired.change(
			async () => {
				const prospect = await find();
				plan = this.#planOf(prospect, name, isOfFile);
				return prospect;
			},
			() => this.jobs.begin("change", `${doing} disk ${name}`, { disk: name }),
		);
		return { plan, job: job.job.id };
	}

	async #prospect(name: string, settings: DiskSettings | null, isOfFile: boolean): Promise<Prospect> {
		let prospect: Prospect;
		try {
			prospect = this.desired.prospectOf(wishWith(this.desired.wish, name, settings, isOfFile));
		} catch (error) {
			if (!(error instanceof OperatorError)) throw error;
			// What is asked for has no place in a file yet.
			const lines = error.message.split("\n").map((line) => line.replace(RUNTIME_PLACE, ""));
			throw new Refusal(422, lines[0] ?? "", { errors: lines.map((detail) => ({ detail })) });
		}
		const disk = prospect.config.disks.find((each) => each.name === name);
		if (disk === undefined || settings === null) return prospect;
		if (disk.broken !== undefined) throw new Refusal(422, disk.broken);
		await demandPermits(this.opener, disk, this.#configured(name));
		return prospect;
	}

	#planOf({ config, difference }: Prospect, name: string, isOfFile: boolean): Plan {
		const steps = stepsOf(difference);
		const notices: string[] = [];
		const disk = config.disks.find((each) => each.name === name);
		if (disk?.exports.length === 0 && disk.broken === undefined)
			notices.push(disk.partOf === undefined ? UNSERVED : `it is a part of disk ${disk.partOf}`);
		if (isOfFile && steps.length > 0) notices.push(UNTIL_RELOAD);
		const pauses = steps.some(({ effect, live }) => effect === "remove" || !live);
		const users = pauses ? this.activeInitiators(name) : [];
		if (users.length > 0) notices.push(`it is in use by ${users.join(", ")}`);
		return { steps, notices, users };
	}

	/** With what is not there yet, which is no reason to refuse: it may be when the change is made. */
	async #foreseen(prospect: Prospect, name: string, isOfFile: boolean): Promise<Plan> {
		const plan = this.#planOf(prospect, name, isOfFile);
		const disk = prospect.config.disks.find((each) => each.name === name);
		const missing = disk && (await missingVolume(this.workers, disk.disk.storage));
		return missing === undefined ? plan : { ...plan, notices: [...plan.notices, missing] };
	}

	/** Those that an initiator may miss. */
	activeDisks(): ReadonlySet<string> {
		const since = this.now() - ACTIVE_MS;
		const isActive = (initiator: ObservedInitiator) => (disk: string) =>
			(initiatorOn(initiator, disk).figures.lastSeenMs ?? 0) >= since;
		const byFrames = this.observed.initiators().flatMap((each) => each.figures.disks.filter(isActive(each)));
		const connected = [...this.observed.disks()].filter(([, { view }]) => connectedTo(view).length > 0);
		return new Set([...byFrames, ...connected.map(([name]) => name)]);
	}

	/** Who may miss the disk: of AoE whoever was heard of late, else whoever is connected. */
	activeInitiators(disk: string): string[] {
		const since = this.now() - ACTIVE_MS;
		const byFrames = this.observed
			.initiators()
			.filter(({ figures: { disks } }) => disks.includes(disk))
			.map((each) => initiatorOn(each, disk))
			.filter(({ figures: { lastSeenMs } }) => (lastSeenMs ?? 0) >= since)
			.map(({ figures: { mac } }) => mac);
		return [...byFrames, ...connectedTo(this.observed.disk(disk)?.view)];
	}

	#configured(name: string): DiskConfig | undefined {
		return this.desired.config.disks.find((disk) => disk.name === name);
	}

	/** A disk of the files, also if it was taken away since they were read. */
	#isOfFile(name: string): boolean {
		const disk = this.#configured(name);
		return disk === undefined ? Object.hasOwn(this.desired.wish.overrides, name) : disk.origin !== "runtime";
	}

	#wanted(name: string, terms: Terms): DiskConfig {
		const disk = this.#configured(name);
		const steward = this.desired.steward(name);
		if (disk === undefined || steward === undefined)
			throw new Refusal(404, `disk ${quote(name)}: there is none of this name`);
		this.#checkTag(steward, terms);
		return disk;
	}

	#checkTag(steward: Steward, { ifMatch }: Terms): void {
		demandTag(ifMatch, this.tagOf(steward));
	}

	/** What of the disk is not as the files say, for whoever looks at it. */
	noticeOf({ name, origin }: DiskConfig): string | null {
		if (!Object.hasOwn(this.desired.wish.overrides, name)) return null;
		return origin === "runtime"
			? null
			: "changed by command, API or page: it is as the files say again after a reload";
	}
}

/** By NBD, and by iSCSI, to whose target that is, for people. */
function connectedTo({ nbd, iscsi }: Pick<DiskView, "nbd" | "iscsi"> = { nbd: null, iscsi: null }): string[] {
	const clients = nbd?.clients.map(({ peer }) => peer) ?? [];
	const initiators = iscsi?.sessions.map(({ initiator }) => initiator) ?? [];
	// (Of many only some are told one by one.)
	const untold = (nbd?.clientCount ?? 0) + (iscsi?.sessionCount ?? 0) - clients.length - initiators.length;
	return [...clients, ...initiators, ...(untold > 0 ? [`${untold} more`] : [])];
}
