/**
 * What is tried before it is finished, by whoever says so in the environment. Asked by those who open pools, and by the reader of
 * configurations, which knows no templates otherwise.
 */

/** In the environment: what is to be tried. */
export const TRIAL = "VBLADE_TRIAL";

export function arePoolsTried(environment: NodeJS.ProcessEnv = process.env): boolean {
	return environment[TRIAL] === "pools";
}
