/**
 * What carries out the commands that ask a running daemon. Loaded by `lib/cli/commands.ts` for any of them, all together: the more
 * parts the program is put together of, the more files a server has to open when it starts.
 */

export {
	diskAddCommand,
	diskFenceCommand,
	diskRmCommand,
	diskSetCommand,
	diskUnfenceCommand,
} from "./changes.js";
export { diffCommand, dumpCommand, reloadCommand } from "./configuration.js";
export { diskLsCommand, diskShowCommand } from "./disks.js";
export { eventsCommand } from "./events.js";
export { iostatCommand } from "./iostat.js";
export {
	machineGoldenCommand,
	machineKeepCommand,
	machineLsCommand,
	machineResetCommand,
	machineRmCommand,
} from "./machines.js";
export { diskResyncCommand, diskVerifyCommand } from "./mirrors.js";
export { statusCommand } from "./status.js";
export { topCommand } from "./top.js";
