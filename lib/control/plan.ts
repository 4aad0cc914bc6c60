/**
 * What a change will do, in words, before it is done: made of the difference between what runs and what is wished for. Shown by the API
 * and the page, and told when it is done.
 */

import type { Step as ConfigStep, Difference, KeyChange } from "../spec/difference.js";
import { diffText } from "../spec/dump.js";
import { counted } from "../text.js";
import type { Severity, Step } from "./model.js";

/** What is told of a difference when it has been made so: not all of a reload that changes thousands of disks. */
const SHOWN = 3;
const SHOWN_CHARACTERS = 500;

export function stepsOf({ steps, settings }: Difference): Step[] {
	return [...steps.map(stepOf), ...settings.map(settingOf)];
}

/** What was done, for events and the log. What has gone wrong is told where it did. */
export function endOf(difference: Difference, isWhole: boolean): { severity: Severity; message: string } {
	const lines = diffText(difference);
	const more = lines.length > SHOWN ? `; and ${counted(lines.length - SHOWN, "more change")}` : "";
	const shown = lines.slice(0, SHOWN).join("; ").slice(0, SHOWN_CHARACTERS);
	const done = lines.length === 0 ? "nothing has changed" : `${shown}${more}`;
	return isWhole
		? { severity: "info", message: `carried out: ${done}` }
		: { severity: "warning", message: `not all is carried out: ${done}` };
}

function stepOf(step: ConfigStep): Step {
	const { kind, disk } = step;
	const text = diffText({ steps: [step], settings: [], needsRestart: [] }).join("; ");
	return { effect: kind, disk: disk.name, text, live: kind === "add" || kind === "change" };
}

function settingOf(change: KeyChange): Step {
	const live = change.effort === "live";
	const text = diffText({ steps: [], settings: [change], needsRestart: [] }).join("; ");
	return { effect: live ? "change" : "restart", disk: null, text, live };
}
