/**
 * `vblade pool check` and `vblade pool scrub`: whether all of a pool is as it was written. Called by `commands.ts` with the arguments
 * after the command's name.
 */

import type { Job } from "../../control/model.js";
import { type Examination, examine } from "../../pool/examine.js";
import { counted, oneLine } from "../../text.js";
import { EXIT_FAILED, type Output, processOutput, putJson, understand } from "../client.js";
import type { Form } from "../forms.js";
import { LazyProgress } from "../progress.js";
import { isPath, readPoolPath, withWorld } from "./open-pool.js";
import { POOL_CHECK, POOL_SCRUB } from "./options.js";

/** Resolves to the exit status: 1 if something is damaged. Throws an OperatorError if the pool can't be looked at. */
export function poolCheckCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return examining("check", POOL_CHECK, false, argv, output);
}

/** The same with every page. */
export function poolScrubCommand(argv: readonly string[], output = processOutput): Promise<number> {
	return examining("scrub", POOL_SCRUB, true, argv, output);
}

async function examining(
	what: "check" | "scrub",
	form: Form<"help" | "json" | "socket">,
	doPages: boolean,
	argv: readonly string[],
	output: Output,
): Promise<number> {
	const line = await understand(form, argv, output);
	if (line === undefined) return 0;
	const [text = ""] = line.positionals;
	const asJson = line.has("json");
	if (!isPath(text)) {
		const { followJob } = await import("./following.js");
		const address = `/api/v1/pools/${encodeURIComponent(text)}/${what}`;
		return followJob(line, output, `${what} ${text}`, address, async (job) =>
			tell(foundBy(text, job), job.message, asJson, output),
		);
	}
	const folder = readPoolPath(text);
	const shown = new LazyProgress(`${what} ${folder}`);
	const found = await withWorld(folder, (world) =>
		examine(world, { doPages, progress: (done, of) => shown.at(done, of) }),
	).finally(() => shown.stop());
	return tell({ pool: folder, ...found }, summaryOf(found, doPages), asJson, output);
}

/** What is found, whoever has the pool: a daemon does not count what it reads. */
interface Found extends Pick<Examination, "damaged" | "findings"> {
	readonly pool: string;
	readonly segments: number | null;
	readonly records: number | null;
	readonly pages: number | null;
	readonly nodes: number | null;
}

/** In a job's errors, as `fast/web, byte 8192: can't be read`. */
function foundBy(pool: string, { errors, errorCount: damaged }: Job): Found {
	const findings = errors.map((error) => {
		const [place = "", ...what] = error.split(": ");
		return { place, what: what.join(": ") };
	});
	return { pool, damaged, findings, segments: null, records: null, pages: null, nodes: null };
}

function summaryOf({ damaged, segments, records, pages, nodes }: Examination, doPages: boolean): string {
	const result = damaged === 0 ? "all is well" : `damaged in ${counted(damaged, "place")}`;
	const read = doPages ? `, pages ${pages}, nodes ${nodes}` : "";
	return `${result} (segments ${segments}, records ${records}${read})`;
}

/** Returns the exit status. */
function tell(found: Found, summary: string, asJson: boolean, output: Output): number {
	const { pool, findings, damaged } = found;
	if (asJson) putJson(output, found);
	else {
		for (const { place, what } of findings)
			output.out(`${oneLine(place === "" ? what : `${place}: ${what}`)}\n`);
		const more = damaged - findings.length;
		if (more > 0) output.out(`and ${more} more\n`);
		output.out(`${oneLine(`${pool}: ${summary}`)}\n`);
	}
	return damaged === 0 ? 0 : EXIT_FAILED;
}
