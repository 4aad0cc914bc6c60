/**
 * `vblade disk add`, `set`, `rm`, `fence` and `unfence`: changes of one disk. What will be done is known before it is, and nobody changes
 * what has become another thing since it was looked at. Called by `commands.ts`.
 */

import { Changed, Disk, Plan } from "../../control/model.js";
import { oneLine } from "../../text.js";
import { EXIT_FAILED, type Output, processOutput, putJson } from "../client.js";
import { asking, type Question } from "./asking.js";
import { endOf, tellEnd } from "./configuration.js";
import { pathOf } from "./disks.js";
import { DISK_ADD, DISK_FENCE, DISK_RM, DISK_SET, DISK_UNFENCE } from "./options.js";
import { readSettings } from "./settings.js";
import { askTerminal } from "./terminal.js";

const DISKS = "/api/v1/disks";
const DRY_RUN = "?dry_run=true";

/** Asks whoever sits at the terminal; undefined where there is none. */
export type Ask = ((question: string) => Promise<boolean>) | undefined;

function terminal(): Ask {
	const ask = askTerminal();
	return ask && (async (question) => /^y(es)?$/i.test(await ask(`${question} [y/N] `)));
}

export async function diskAddCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	return asking(DISK_ADD, argv, output, async (question) => {
		const { line, daemon } = question;
		const [name = "", ...words] = line.positionals;
		pathOf(name);
		const body = { name, ...readSettings(words, false) };
		const plan = await daemon.send("POST", `${DISKS}${DRY_RUN}`, Plan, { body });
		if (line.has("dry-run")) return tellPlan(plan, question);
		tellNotices(plan, output);
		return finish(await daemon.send("POST", DISKS, Changed, { body }), question);
	});
}

export async function diskSetCommand(
	argv: readonly string[],
	output: Output = processOutput,
	ask = terminal(),
): Promise<number> {
	return asking(DISK_SET, argv, output, async (question) => {
		const { line, daemon } = question;
		const [name = "", ...words] = line.positionals;
		const path = pathOf(name);
		const body = readSettings(words, true);
		const { tag } = await daemon.tagged(path, Disk);
		const plan = await daemon.send("PATCH", `${path}${DRY_RUN}`, Plan, { body, tag });
		if (line.has("dry-run")) return tellPlan(plan, question);
		if (plan.steps.length === 0) return nothing(plan, question);
		tellNotices(plan, output);
		const isNoticed = plan.steps.some(({ live }) => !live);
		if (isNoticed && !line.has("yes") && ask && !(await agrees(ask, plan, output))) return EXIT_FAILED;
		return finish(await daemon.send("PATCH", path, Changed, { body, tag }), question);
	});
}

export async function diskRmCommand(
	argv: readonly string[],
	output: Output = processOutput,
	ask = terminal(),
): Promise<number> {
	return asking(DISK_RM, argv, output, async (question) => {
		const { line, daemon } = question;
		const [name = ""] = line.positionals;
		const path = pathOf(name);
		const { tag } = await daemon.tagged(path, Disk);
		const plan = await daemon.send("DELETE", `${path}${DRY_RUN}`, Plan, { tag });
		if (line.has("dry-run")) return tellPlan(plan, question);
		tellNotices(plan, output);
		if (!line.has("force") && plan.users.length > 0) {
			if (ask === undefined) {
				output.err(`vblade: disk ${name}: initiators use it; --force removes it all the same\n`);
				return EXIT_FAILED;
			}
			if (!(await agrees(ask, plan, output))) return EXIT_FAILED;
		}
		return finish(await daemon.send("DELETE", path, Changed, { tag }), question);
	});
}

export function diskFenceCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(DISK_FENCE, argv, output, (question) => fence(question, "fence"));
}

export function diskUnfenceCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(DISK_UNFENCE, argv, output, (question) => fence(question, "unfence"));
}

type Fencing = Omit<Question, "line"> & { readonly line: { readonly positionals: readonly string[] } };

/** At once, whatever was seen before: it is for when something is wrong. */
async function fence({ line, daemon, output, json }: Fencing, verb: string): Promise<number> {
	const disk = await daemon.send("POST", `${pathOf(line.positionals[0] ?? "")}/${verb}`, Disk);
	if (json) putJson(output, disk);
	else output.out(`disk ${disk.name} is ${disk.state}\n`);
	return 0;
}

type Telling = Pick<Question, "output" | "json">;

function tellPlan(plan: Plan, { output, json }: Telling): number {
	if (json) putJson(output, plan);
	else {
		for (const { text, live } of plan.steps)
			output.out(`${oneLine(text)}${live ? "" : " (initiators notice)"}\n`);
		if (plan.steps.length === 0) output.out("nothing will change\n");
		for (const notice of plan.notices) output.out(`${oneLine(notice)}\n`);
	}
	return 0;
}

function nothing(plan: Plan, { output, json }: Telling): number {
	if (json) putJson(output, { plan, disk: null, job: null } satisfies Changed);
	else output.out("it is so already\n");
	return 0;
}

function tellNotices({ notices }: Plan, output: Output): void {
	for (const notice of notices) output.err(`vblade: note: ${oneLine(notice)}\n`);
}

async function agrees(ask: NonNullable<Ask>, { steps }: Plan, output: Output): Promise<boolean> {
	for (const { text } of steps) output.err(`${oneLine(text)}\n`);
	const yes = await ask("go on?");
	if (!yes) output.err("vblade: nothing was changed\n");
	return yes;
}

async function finish(changed: Changed, { daemon, output, json }: Omit<Question, "line">): Promise<number> {
	if (!json) for (const { text } of changed.plan.steps) output.out(`${oneLine(text)}\n`);
	if (changed.job !== null) return tellEnd(await endOf(daemon, changed.job), output, json, true);
	if (json) putJson(output, changed);
	return 0;
}
