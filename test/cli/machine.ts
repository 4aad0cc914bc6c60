/** A machine for `vblade check` to be asked on: users, a group and interfaces as a test wants them; addresses are those of this machine. */

import { type MachineHere, machineHere } from "../../lib/cli/machine-here.js";

export const MACHINE: MachineHere = {
	user: (name) => (name === "root" ? "root" : name === "vblade" ? "ordinary" : "none"),
	hasGroup: (name) => name === "vblade",
	hasAddress: machineHere.hasAddress,
	means: () => ({ processors: 8, memoryBytes: 2 ** 40, descriptors: 2 ** 20 }),
	interfaceNames: () => ["lo", "eth0"],
	hasInterface: (name) => ["lo", "eth0", "alternative"].includes(name),
};
