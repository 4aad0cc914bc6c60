/** Whether a request makes sense, for the export it is for and what was agreed on. Asked by `transmission.ts` before anything of it begins. */

import type { NbdCommand } from "./command.js";
import { PIECE_BYTES } from "./command.js";
import type { Access, Context, NbdExport } from "./export.js";
import { countRefusal } from "./outcome.js";
import { ChunkFlag, Command, CommandFlag, FLAGS_OF, NbdError, PAYLOAD_BYTES_MAX } from "./protocol.js";
import { putError, putSimple } from "./replies.js";

/** What was agreed on with a client. */
export interface Agreed {
	readonly exported: NbdExport;
	readonly access: Access;
	readonly isStructured: boolean;
	/** What it is told of the parts of the export. */
	readonly contexts: readonly Context[];
}

/** Why a request is not carried out; `none`: it is. The errors are those that the specification names for each case. */
export function refusalOf(
	{ type, flags, offsetBytes, lengthBytes }: NbdCommand,
	{ exported, access, isStructured, contexts }: Agreed,
): NbdError {
	const allowed = FLAGS_OF[type];
	const { info } = exported.disk.device;
	if (allowed === undefined || type === Command.disconnect || (flags & ~allowed) !== 0)
		return NbdError.EINVAL;
	if (type === Command.flush) return NbdError.none;
	const changes = type === Command.write || type === Command.trim || type === Command.writeZeroes;
	if (changes && (info.readOnly || access !== "write")) return NbdError.EPERM;
	if (exported.disk.holds.forbids(changes)) return NbdError.EPERM;
	const isOdd = offsetBytes % info.logicalBlockBytes !== 0 || lengthBytes % info.logicalBlockBytes !== 0;
	if (isOdd || lengthBytes === 0) return NbdError.EINVAL;
	if (offsetBytes + lengthBytes > info.sizeBytes) {
		const hasNoSpace = type === Command.write || type === Command.writeZeroes;
		return hasNoSpace ? NbdError.ENOSPC : NbdError.EINVAL;
	}
	switch (type) {
		case Command.read:
			if (lengthBytes > PAYLOAD_BYTES_MAX) return NbdError.EINVAL;
			if ((flags & CommandFlag.df) === 0) return NbdError.none;
			if (!isStructured) return NbdError.EINVAL;
			return lengthBytes > PIECE_BYTES ? NbdError.EOVERFLOW : NbdError.none;
		case Command.write:
			return lengthBytes > PAYLOAD_BYTES_MAX ? NbdError.EINVAL : NbdError.none;
		case Command.trim:
			return info.canTrim ? NbdError.none : NbdError.EINVAL;
		case Command.writeZeroes: {
			const mustBeFast = (flags & CommandFlag.fastZero) > 0;
			const isFast = info.fastZeroes && (flags & CommandFlag.noHole) === 0;
			return mustBeFast && !isFast ? NbdError.ENOTSUP : NbdError.none;
		}
		case Command.blockStatus:
			return contexts.length === 0 ? NbdError.EINVAL : NbdError.none;
		default:
			return NbdError.none;
	}
}

/** It is not carried out: answered with an error at once. */
export function refuse(command: NbdCommand, error: NbdError): void {
	const { host } = command;
	const { disk } = host.exported;
	disk.underWay -= 1;
	host.use.counts.failed();
	countRefusal(disk, error);
	if (host.isStructured && command.answersItself) putError(host.queue, command, ChunkFlag.done, error);
	else putSimple(host.queue, command, error);
	host.answered(command);
}
