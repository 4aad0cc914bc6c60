/** `vblade disk verify` and `resync`: what is asked of mirrors. Called by `commands.ts`. */

import { Job } from "../../control/model.js";
import { type Output, processOutput } from "../client.js";
import { asking, queryOf } from "./asking.js";
import { endOf, tellEnd } from "./configuration.js";
import { DISK_RESYNC, DISK_VERIFY } from "./options.js";

const pathOf = (name: string, verb: string): string => `/api/v1/disks/${encodeURIComponent(name)}/${verb}`;

/** However long it takes: who has enough of it ends the command, and it goes on. */
export function diskVerifyCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(DISK_VERIFY, argv, output, async ({ line, daemon, json }) => {
		const [name = ""] = line.positionals;
		const from = line.last("from");
		const query = from === undefined ? "" : `?${queryOf({ from })}`;
		const { id } = await daemon.send("POST", `${pathOf(name, "verify")}${query}`, Job);
		return tellEnd(await endOf(daemon, id, Infinity), output, json);
	});
}

export function diskResyncCommand(argv: readonly string[], output: Output = processOutput): Promise<number> {
	return asking(DISK_RESYNC, argv, output, async ({ line, daemon, json }) => {
		const [name = "", part = ""] = line.positionals;
		const { id } = await daemon.send("POST", `${pathOf(name, "resync")}?${queryOf({ part })}`, Job);
		return tellEnd(await endOf(daemon, id), output, json);
	});
}
