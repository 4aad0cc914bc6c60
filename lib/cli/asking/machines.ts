/**
 * `vblade machine ls`, `reset`, `keep`, `golden` and `rm`: the machines of templates. Called by `commands.ts`.
 */

import { Machine, MachineList, MachineTemplate } from "../../control/model.js";
import { OperatorError } from "../../errors.js";
import { readDiskName } from "../../spec/schema.js";
import { oneLine, quote } from "../../text.js";
import { type Output, processOutput, putJson } from "../client.js";
import { asking, type Question, queryOf } from "./asking.js";
import { type Column, linesText, orNone, tableLines } from "./columns.js";
import { MACHINE_GOLDEN, MACHINE_KEEP, MACHINE_LS, MACHINE_RESET, MACHINE_RM } from "./options.js";

const PAGE = 10_000;

const COLUMNS: readonly Column<Machine>[] = [
	{ title: "NAME", text: ({ name }) => name },
	{ title: "ADDRESS", text: ({ address }) => address },
	{ title: "MAC", text: ({ mac }) => mac },
	{ title: "STATE", text: ({ state, isActive }) => (isActive ? "active" : orNone(state)) },
	{ title: "KEPT", text: ({ keep, isKeepOwn }) => `${keep ? "yes" : "no"}${isKeepOwn ? "*" : ""}` },
	{ title: "MADE", text: ({ made }) => orNone(made) },
	{
		title: "IMAGE",
		text: ({ image, isCurrent, reason }) =>
			`${image}${isCurrent ? "" : " (not that of its template)"}${reason === null ? "" : ` (${reason})`}`,
	},
];

export function machineLsCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(MACHINE_LS, argv, output, async ({ line, daemon, json }) => {
		const template = line.last("template");
		const query = queryOf({ template, limit: PAGE });
		const list = await daemon.get(`/api/v1/machines?${query}`, MachineList);
		if (template !== undefined) refuseUnknown(template, list);
		if (json) putJson(output, list);
		else output.out(linesText(tableLines(COLUMNS, list.machines)));
		return 0;
	});
}

/** Throws an OperatorError for what is no template, unless machines of it are left. */
function refuseUnknown(template: string, { machines, templates }: MachineList): void {
	const names = templates.map(({ name }) => name);
	if (machines.length > 0 || names.includes(template)) return;
	const others = names.length === 0 ? "there is none at all" : `there is ${names.join(", ")}`;
	throw new OperatorError(`template ${quote(template)}: the configuration has none of this name; ${others}`);
}

/** Throws an OperatorError for what is no name of a machine. */
function pathOf(name = ""): string {
	return `/api/v1/machines/${encodeURIComponent(readDiskName(name))}`;
}

export function machineResetCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	return asking(MACHINE_RESET, argv, output, async (question) => {
		const { line, daemon } = question;
		const body = { force: line.has("force") };
		const path = `${pathOf(line.positionals[0])}/reset`;
		const machine = await daemon.send("POST", path, Machine, { body });
		return tell(question, machine, `machine ${machine.name} is as ${machine.image} is`);
	});
}

export function machineKeepCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(MACHINE_KEEP, argv, output, async (question) => {
		const { line, daemon } = question;
		const [isAnew, isAsTemplate] = [line.has("anew"), line.has("as-template")];
		if (isAnew && isAsTemplate) throw new OperatorError("--anew contradicts --as-template");
		const body = { keep: isAsTemplate ? null : !isAnew };
		const machine = await daemon.send("PATCH", pathOf(line.positionals[0]), Machine, { body });
		const what = machine.keep ? "keeps what it writes" : "is made anew whenever it boots";
		return tell(question, machine, `machine ${machine.name} ${what}`);
	});
}

export function machineGoldenCommand(
	argv: readonly string[],
	output: Output = processOutput,
): Promise<number> {
	return asking(MACHINE_GOLDEN, argv, output, async (question) => {
		const { line, daemon } = question;
		const path = `${pathOf(line.positionals[0])}/golden`;
		const template = await daemon.send("POST", path, MachineTemplate, { body: {} });
		const { name, image, configured } = template;
		const until = `until the files name another one than ${configured}`;
		return tell(question, template, `template ${name}: image is ${image}, ${until}`);
	});
}

export function machineRmCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(MACHINE_RM, argv, output, async (question) => {
		const { line, daemon } = question;
		const path = `${pathOf(line.positionals[0])}?${queryOf({ force: line.has("force") ? "true" : "false" })}`;
		const machine = await daemon.send("DELETE", path, Machine);
		return tell(question, machine, `machine ${machine.name} is removed`);
	});
}

function tell({ output, json }: Pick<Question, "output" | "json">, answer: object, text: string): number {
	if (json) putJson(output, answer);
	else output.out(`${oneLine(text)}\n`);
	return 0;
}
