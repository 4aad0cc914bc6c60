/**
 * Comparing the disks of a mirror, as a job: its worker is asked for a stretch after the other, so how far it is is known, and it can be
 * cancelled. What differs is told by range, in the job's errors. Used by `api/mirrors.ts`.
 */

import type { Compared, ComparedRange } from "../daemon/mirrors.js";
import { OperatorError } from "../errors.js";
import { counted, oneLine, sizeText } from "../text.js";
import type { EventLog } from "./event-log.js";
import { JobTurns } from "./job-turns.js";
import type { Jobs, RunningJob } from "./jobs.js";
import { Refusal } from "./problem.js";
import type { Comparing, Workers } from "./seams.js";
import { messageOf } from "./thrown.js";

/** What is done where they differ: see `Comparing`. */
type Mending = Pick<Comparing, "byMajority" | "from">;

const NOTHING = { compared: 0, different: 0, repaired: 0, unknown: 0, ranges: 0 };
type Sums = typeof NOTHING;

export class MirrorJobs {
	readonly #turns = new JobTurns();

	constructor(
		readonly workers: Pick<Workers, "compare">,
		readonly jobs: Jobs,
		readonly events: Pick<EventLog, "add">,
	) {}

	/** Throws a Refusal if it is being compared already, or too many wait. */
	compare(disk: string, mending: Mending): RunningJob {
		const same = this.jobs.running("verify", (job) => job.disk === disk)?.job;
		if (same !== undefined)
			throw new Refusal(
				409,
				`disk ${disk}: ${same.waiting ? "waits to be" : "is being"} compared already, as job ${same.id}`,
			);
		this.#turns.refuseMore();
		const job = this.jobs.begin("verify", `comparing the disks of ${disk}`, { disk, cancellable: true });
		void this.#run(job, disk, mending);
		return job;
	}

	async #run(job: RunningJob, disk: string, mending: Mending): Promise<void> {
		await this.#turns.begin(disk, job);
		const sums = { ...NOTHING };
		try {
			const isWhole = await this.#through(job, { name: disk, ...mending }, sums);
			const message = sumText(sums);
			if (isWhole) this.#tell(disk, sums, message);
			if (isWhole) job.finish("done", message);
			else job.finish("cancelled", `cancelled; ${message}`);
		} catch (error) {
			job.finish("failed", oneLine(messageOf(error)));
		} finally {
			this.#turns.end(disk, job);
		}
	}

	/** False if it was cancelled on the way. */
	async #through(job: RunningJob, asked: Omit<Comparing, "offsetBytes">, sums: Sums): Promise<boolean> {
		for (let offsetBytes = 0; ; ) {
			if (job.isCancelled) return false;
			const stretch = await this.workers.compare({ ...asked, offsetBytes });
			if (stretch.reachedBytes <= offsetBytes && stretch.sizeBytes > 0)
				throw new OperatorError(`disk ${asked.name}: the worker does not get on with it`);
			add(sums, stretch);
			for (const range of stretch.ranges) job.trouble(rangeText(range));
			job.steps(stretch.sizeBytes);
			job.reached(stretch.reachedBytes);
			if (stretch.reachedBytes >= stretch.sizeBytes) return true;
			offsetBytes = stretch.reachedBytes;
		}
	}

	#tell(disk: string, { different, repaired, unknown }: Sums, message: string): void {
		const severity = different > repaired ? "error" : different + unknown > 0 ? "warning" : "info";
		this.events.add({ kind: "mirror-compared", severity, disk, message });
	}
}

function add(sums: Sums, stretch: Compared): void {
	sums.compared += stretch.comparedBytes;
	sums.different += stretch.differentBytes;
	sums.repaired += stretch.repairedBytes;
	sums.unknown += stretch.unknownBytes;
	sums.ranges += stretch.rangeCount;
}

function rangeText({ offsetBytes, lengthBytes, disk, differing, isRepaired }: ComparedRange): string {
	const others = differing.length === 1 ? "disk" : "disks";
	const verb = differing.length === 1 ? "differs" : "differ";
	const end = isRepaired ? "; written again" : "";
	return oneLine(
		`byte ${offsetBytes}, ${counted(lengthBytes, "byte")}: ${others} ${differing.join(", ")} ${verb} from disk ${disk}${end}`,
	);
}

function sumText({ compared, different, repaired, unknown, ranges }: Sums): string {
	const differs = `${sizeText(different)} differ in ${counted(ranges, "range")}`;
	const found = different === 0 ? "they are the same" : differs;
	const again = repaired > 0 ? `, ${sizeText(repaired)} were written again` : "";
	const rest = unknown > 0 ? `; of ${sizeText(unknown)} nothing is known` : "";
	return `${sizeText(compared)} compared: ${found}${again}${rest}`;
}
