/** Other people's programs that tests of protocols talk to; `scripts/setup` brings them. */

import { execFileSync } from "node:child_process";

/** Why a test that needs these programs can't run here, or undefined. */
export function programsMissing(...programs: string[]): string | undefined {
	const missing = programs.filter((each) => !isThere(each));
	return missing.length === 0 ? undefined : `${missing.join(", ")} not installed`;
}

function isThere(program: string): boolean {
	try {
		execFileSync("which", [program], { stdio: "ignore" });
		return true;
	} catch {
		return false;
	}
}
