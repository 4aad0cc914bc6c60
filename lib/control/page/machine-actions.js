/**
 * What can be done with a machine. Whatever takes something away says first what will happen. Used by `machines.js`.
 */

import { request } from "./api.js";
import { confirmChange, wordsOf } from "./change.js";
import { say } from "./dialog.js";
import { el } from "./dom.js";

/** @import { Machine, MachineTemplate } from "../model.js" */

/** @param {Machine} machine */
const pathOf = ({ name }) => `/api/v1/machines/${encodeURIComponent(name)}`;

const RUNS = "It is in use now: it is cut off, and has to be started again.";

/** Buttons. @param {Machine} machine @param {boolean} hasTemplate which is configured still @param {() => void} changed */
export function actionsOf(machine, hasTemplate, changed) {
	const { name, keep } = machine;
	const ofTemplate = /** @type {const} */ ([
		["Reset", () => reset(machine, changed)],
		[keep ? "Don’t keep" : "Keep", () => setKeep(machine, changed)],
		["Make golden", () => makeGolden(machine, changed)],
	]);
	const actions = /** @type {const} */ ([
		...(hasTemplate ? ofTemplate : []),
		["Remove", () => remove(machine, changed)],
	]);
	return actions.map(([text, click]) =>
		el("button", { type: "button", "aria-label": `${text}: ${name}`, on: { click } }, text),
	);
}

/** @param {Machine} machine @param {() => void} changed */
function reset(machine, changed) {
	const { name, isActive, template } = machine;
	confirmChange({
		title: `Reset ${name}`,
		sentences: [
			"All that it has written is lost.",
			`Its disk is what the image of template ${template} is now, with another serial number and WWN.`,
		],
		notices: isActive ? [RUNS] : [],
		confirm: "Reset it",
		danger: true,
		async act() {
			await request("POST", `${pathOf(machine)}/reset`, { body: { force: isActive } });
			say(`${name} is made anew.`);
			changed();
		},
	});
}

/** @param {Machine} machine @param {() => void} changed */
async function setKeep(machine, changed) {
	const { name, keep } = machine;
	try {
		await request("PATCH", pathOf(machine), { body: { keep: !keep } });
		say(keep ? `${name} is made anew at each boot.` : `${name} keeps what it writes.`);
		changed();
	} catch (error) {
		say(wordsOf(error), "error");
	}
}

/** @param {Machine} machine @param {() => void} changed */
function makeGolden(machine, changed) {
	const { name, template, isActive } = machine;
	confirmChange({
		title: `Make what ${name} holds the golden image`,
		sentences: [
			`Machines of template ${template} that come, or are made anew, are clones of what this one holds now.`,
			"All others go on with what they have; those that are kept, until they are reset.",
			"It is so until the files name another image.",
		],
		notices: isActive ? ["It is in use now: the image is as if its power had been cut at this moment."] : [],
		confirm: "Make it golden",
		danger: false,
		async act() {
			const answer = await request("POST", `${pathOf(machine)}/golden`, { body: {} });
			const { image } = /** @type {MachineTemplate} */ (await answer.json());
			say(`The image of template ${template} is ${image}.`);
			changed();
		},
	});
}

/** @param {Machine} machine @param {() => void} changed */
function remove(machine, changed) {
	const { name, address, isActive } = machine;
	confirmChange({
		title: `Remove ${name}`,
		sentences: [
			"Its disk is removed, with all that it has written.",
			`The address ${address} is free for another machine. If this one comes again, it is new.`,
		],
		notices: isActive ? [RUNS] : [],
		confirm: "Remove it",
		danger: true,
		async act() {
			await request("DELETE", `${pathOf(machine)}?force=${isActive}`);
			say(`${name} is removed.`);
			changed();
		},
	});
}
