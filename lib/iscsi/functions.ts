/** Functions of task management and what they have come to, as iSCSI numbers them and SCSI knows them. For `requests.ts`, which hands them to a target. */

import { TaskFunction, type TaskResponse } from "../scsi/protocol.js";
import { ManagementResponse } from "./pdu.js";

/** As SCSI knows them (RFC 7143, 11.5.1). */
export const FUNCTIONS: readonly (TaskFunction | undefined)[] = [
	undefined,
	TaskFunction.abortTask,
	TaskFunction.abortTaskSet,
	TaskFunction.clearAca,
	TaskFunction.clearTaskSet,
	TaskFunction.logicalUnitReset,
	TaskFunction.targetReset,
	TaskFunction.targetReset,
	undefined,
	TaskFunction.queryTask,
	TaskFunction.queryTaskSet,
	TaskFunction.nexusReset,
	TaskFunction.queryAsynchronousEvent,
];

/** And how they have ended (RFC 7143, 11.6.1). */
export const RESPONSES: Readonly<Record<TaskResponse, ManagementResponse>> = {
	complete: ManagementResponse.complete,
	succeeded: ManagementResponse.succeeded,
	"no-task": ManagementResponse.noTask,
	"no-unit": ManagementResponse.noUnit,
	unsupported: ManagementResponse.unsupported,
	rejected: ManagementResponse.rejected,
};
