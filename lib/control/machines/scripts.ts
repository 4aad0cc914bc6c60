/**
 * What iPXE is told, as scripts of its own language. A script that is text from elsewhere in part says nothing with it but to people. Used
 * by `boot-app.ts`.
 */

import { unreachable } from "../../errors.js";
import type { BootAnswer } from "./arrivals.js";

/** In place of the script that says so: else each time that a machine comes again would take up some of its memory. */
const CHAIN = "chain --autofree --replace";
const AGAIN_SECONDS = 3;
/** Long enough to be read before the machine goes on to what else it may boot from. */
const READ_SECONDS = 10;
const ECHO_MAX = 200;

/** Has the machine come again, with its MAC. */
export function askingScript(template: string | undefined): string {
	const more = template === undefined ? "" : `&template=${template}`;
	// A colon would be the end of a scheme to it.
	return script(`${CHAIN} boot.ipxe?mac=\${netX/mac:hexhyp}${more}`);
}

export function answerScript(answer: BootAnswer, again: string): string {
	switch (answer.kind) {
		case "boot":
			return script(
				`echo vblade: this is machine ${answer.name}, aoe:e${answer.address}`,
				`sanboot --no-describe aoe:e${answer.address}`,
			);
		case "wait":
			return script(`echo vblade: ${said(answer.why)}`, `sleep ${AGAIN_SECONDS}`, `${CHAIN} ${again}`);
		case "refused":
			return script(`echo vblade: ${said(answer.why)}`, `sleep ${READ_SECONDS}`, "exit 1");
		default:
			return unreachable(answer);
	}
}

function script(...lines: readonly string[]): string {
	return `#!ipxe\n${lines.join("\n")}\n`;
}

/** Letters that mean something to iPXE, and all that is no plain text, are left out, and no gaps are left. */
function said(text: string): string {
	return text
		.replace(/["'\\]/g, "")
		.replace(/[^ -~]|[$&|;#]/g, " ")
		.replace(/ {2,}/g, " ")
		.slice(0, ECHO_MAX);
}
