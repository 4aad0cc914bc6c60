/** `vblade disk verify` and `resync`: what is asked of mirrors. Called by `commands.ts`. */

import { Job } from "../../control/model.js";
import { type Output, processOutput } from "../client.js";
import { asking, queryOf } from "./asking.js";
import { endOf, tellEnd } from "./configuration.js";
import { DISK_RESYNC, DISK_VERIFY } from "./options.js";

const pathOf = (name: string, verb: string): string => `/api/v1/disks/${encodeURIComponent(name)}/${verb}`;

/** How far it is, is shown on a terminal; who interrupts it ends it. 1 also where something differed that is mended now. */
export function diskVerifyCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(DISK_VERIFY, argv, output, async ({ line, daemon, json }) => {
		const [name = ""] = line.positionals;
		const { followedJob } = await import("../pools/following.js");
		const query = queryOf({ from: line.last("from"), repair: line.has("repair") ? "true" : undefined });
		const address = `${pathOf(name, "verify")}${query === "" ? "" : `?${query}`}`;
		return followedJob(daemon, output, `verify ${name}`, address, async (job) => tellEnd(job, output, json));
	});
}

export function diskResyncCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(DISK_RESYNC, argv, output, async ({ line, daemon, json }) => {
		const [name = "", part = ""] = line.positionals;
		const { id } = await daemon.send("POST", `${pathOf(name, "resync")}?${queryOf({ part })}`, Job);
		return tellEnd(await endOf(daemon, id), output, json);
	});
}
