/**
 * What a change will do, in words, before it is done: made of the difference between what runs and what is wished for. Shown by the API
 * and the page, and told at the end of a reload.
 */

import type { Step as ConfigStep, Difference, KeyChange } from "../spec/difference.js";
import { diffText } from "../spec/dump.js";
import type { Step } from "./model.js";

export function stepsOf({ steps, settings }: Difference): Step[] {
	return [...steps.map(stepOf), ...settings.map(settingOf)];
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
