/**
 * An ATA disk: carries out ATA commands on a blade's device. Asked by the AoE target, one call a command; hands block
 * requests down to `BlockDevice` and calls `command.answer()` when the command is over.
 */

import type { Blade } from "../blade.js";
import type { AtaCommand, CommandExecutor } from "./command.js";

export class AtaDisk implements CommandExecutor {
	constructor(readonly blade: Blade) {}

	/** Starts a command. `command.answer()` is called exactly once, before or after this returns. */
	execute(command: AtaCommand): void {
		command.executor = this;
		command.answer();
	}

	requestFinished(command: AtaCommand): void {
		command.answer();
	}
}
