/**
 * Pools are being built: nothing that has been written is ever freed, and a pool is read from its beginning when it is opened. Until
 * that stands, whoever wants to try them says so; nobody else comes upon them. Asked by whoever opens or makes a pool for an operator.
 */

import { OperatorError } from "../errors.js";
import { arePoolsTried, TRIAL } from "../spec/trial.js";

/** Throws an OperatorError unless the operator has said that pools are to be tried. */
export function askWhetherPoolsAreTried(environment: NodeJS.ProcessEnv = process.env): void {
	if (arePoolsTried(environment)) return;
	throw new OperatorError(
		`pools are not finished (what is written is never freed); to try them: ${TRIAL}=pools in the environment`,
	);
}
