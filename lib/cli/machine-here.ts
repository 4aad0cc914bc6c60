/** What `check-here.ts` asks of this machine; tests put another in its place. */

import { createServer } from "node:net";
import { codeOf } from "../errors.js";
import { interfaceInfo, interfaceNames } from "../link/interfaces.js";
import { type Means, meansHere } from "../opener/means.js";
import { findGroup, findUser } from "../privileges.js";

export interface MachineHere {
	user(name: string): "none" | "root" | "ordinary";
	hasGroup(name: string): boolean;
	/** Whether a server can listen at this address. */
	hasAddress(host: string): Promise<boolean>;
	interfaceNames(): readonly string[];
	means(): Means;
	/** Under this name, or an alternative one. */
	hasInterface(name: string): boolean;
}

export const machineHere: MachineHere = {
	user(name) {
		const number = findUser(name);
		if (number === undefined) return "none";
		return number === 0 ? "root" : "ordinary";
	},
	hasGroup: (name) => findGroup(name) !== undefined,
	hasAddress: (host) =>
		new Promise((resolve) => {
			const server = createServer();
			// Any port: the one that is configured may be the daemon's already.
			server.once("error", (error) => resolve(codeOf(error) !== "EADDRNOTAVAIL"));
			server.listen(0, host, () => server.close(() => resolve(true)));
		}),
	interfaceNames,
	means: meansHere,
	hasInterface: (name) => interfaceInfo(name) !== undefined,
};
