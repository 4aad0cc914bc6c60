/** Who serves here: a daemon that answers, servers that were started by themselves, or nobody. */

import { type Check, note, ok, warn } from "./check.js";

export const serving: Check = {
	name: "daemon",
	limitMs: 1000,
	run({ daemon, servers }) {
		if (daemon === undefined) {
			const others = servers.map(({ pid }) => pid).join(", ");
			return others === ""
				? [note("no server runs here that can be seen")]
				: [ok(`servers run here: processes ${others}`)];
		}
		const { socket, failures } = daemon;
		if (failures.length > 0)
			return [warn(`${socket}: the daemon did not answer all that it was asked`, failures.join("; "))];
		return [ok(`${socket}: the daemon answers`)];
	},
};
