/**
 * What a change will do, in words, before it is done: made of the difference between what runs and what is wished for. Shown by the API
 * and the page, and told at the end of a reload.
 */

import type { Step as ConfigStep, Difference, KeyChange } from "../spec/difference.js";
import type { Step } from "./model.js";

export function stepsOf({ steps, settings }: Difference): Step[] {
	return [...steps.map(stepOf), ...settings.map(settingOf)];
}

function stepOf(step: ConfigStep): Step {
	const { kind, disk } = step;
	const changes = "changes" in step ? `: ${step.changes.map(changeText).join(", ")}` : "";
	const how = {
		add: "is added",
		remove: "is removed",
		change: "is changed while it is served",
		reexport: "is served anew",
		replace: "is closed and opened anew",
	};
	return {
		effect: kind,
		disk: disk.name,
		text: `disk ${disk.name} ${how[kind]}${changes}`,
		live: kind === "add" || kind === "change",
	};
}

function settingOf(change: KeyChange): Step {
	const live = change.effort === "live";
	const text = `${changeText(change)}${live ? "" : ", when vblade is started again"}`;
	return { effect: live ? "change" : "restart", disk: null, text, live };
}

function changeText({ key, from, to }: KeyChange): string {
	return `${key} ${shown(from)} -> ${shown(to)}`;
}

function shown(value: unknown): string {
	return value === undefined ? "(default)" : JSON.stringify(value);
}
