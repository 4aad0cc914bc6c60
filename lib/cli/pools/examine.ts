/**
 * `vblade pool check` and `vblade pool scrub`: whether all of a pool is as it was written. Called by `commands.ts` with the arguments
 * after the command's name.
 */

import { type Examination, examine } from "../../pool/examine.js";
import { counted } from "../../text.js";
import { type Output, processOutput, putJson, understand } from "../client.js";
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
	if (!isPath(text)) {
		const { followJob } = await import("./following.js");
		return followJob(line, output, `${what} ${text}`, `/api/v1/pools/${encodeURIComponent(text)}/${what}`);
	}
	const folder = readPoolPath(text);
	const shown = new LazyProgress(`${what} ${folder}`);
	const found = await withWorld(folder, (world) =>
		examine(world, { doPages, progress: (done, of) => shown.at(done, of) }),
	).finally(() => shown.stop());
	if (line.has("json")) putJson(output, { path: folder, ...found });
	else tell(folder, found, doPages, output);
	return found.damaged === 0 ? 0 : 1;
}

function tell(folder: string, found: Examination, doPages: boolean, output: Output): void {
	for (const { place, what } of found.findings) output.out(`${place === "" ? "" : `${place}: `}${what}\n`);
	const more = found.damaged - found.findings.length;
	if (more > 0) output.out(`and ${more} more\n`);
	const pages = doPages ? `, pages ${found.pages}, nodes ${found.nodes}` : "";
	const result = found.damaged === 0 ? "all is well" : `damaged in ${counted(found.damaged, "place")}`;
	output.out(`${folder}: ${result} (segments ${found.segments}, records ${found.records}${pages})\n`);
}
