/** Why storage refused something, as the system calls it, for lines that people read. Used by whoever tells of requests that failed. */

import { getSystemErrorName } from "node:util";
import { Errno } from "../native.js";

/** `EIO` */
export function errnoText(errno: number): string {
	return errno === Errno.EDQUOT ? "EDQUOT: the quota is used up" : getSystemErrorName(-errno);
}
