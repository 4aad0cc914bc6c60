/** Parameters that come with a command as data-out, whole and of the length that its CDB says. For operations of this room that take some. */

import { turn } from "../turn.js";
import { gather } from "./gather.js";
import { PARAMETER_BYTES_MAX } from "./limits.js";
import { Asc } from "./protocol.js";
import { refuse } from "./reply.js";
import { illegal, invalidField } from "./sense.js";
import type { ScsiTask } from "./task.js";

/**
 * Has `then` called with `bytes` of parameters, which the CDB says in the field at its byte `field`, when they have come: at once if
 * there are none. If the initiator does not have as many that is an error in the length of the list (SPC-4, 4.2.5.5).
 */
export function receiveParameters(
	task: ScsiTask,
	bytes: number,
	field: number,
	then: (parameters: Buffer) => void,
): void {
	if (bytes > PARAMETER_BYTES_MAX) refuse(task, invalidField(field));
	else if (bytes > task.dataOutBytes) {
		task.transferBytes = bytes;
		refuse(task, illegal(Asc.listLength));
	} else
		gather(task, bytes, (_task, list) => {
			// (A look at each byte.)
			turn.spend(list.length);
			then(list);
		});
}
