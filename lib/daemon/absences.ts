/** What clients of all protocols on byte streams are told of disks that are configured and not served. Told by `worker-disks.ts`. */

import type { ExportSpec } from "../spec/spec.js";
import { IscsiAbsent } from "./iscsi-absent.js";
import { NbdAbsent } from "./nbd-absent.js";

export class Absences {
	readonly nbd = new NbdAbsent();
	readonly iscsi = new IscsiAbsent();

	/** From now on, in place of what was told of the disk. */
	tell(disk: string, exports: readonly ExportSpec[], why: string): void {
		this.nbd.tell(disk, exports, why);
		this.iscsi.tell(disk, exports, why);
	}

	/** It is being opened. */
	expect(disk: string, exports: readonly ExportSpec[]): void {
		this.iscsi.expect(disk, exports);
	}

	/** It is taken away, to be opened or exported as it shall be. */
	expectAgain(disk: string, exports: readonly ExportSpec[]): void {
		this.iscsi.expectAgain(disk, exports);
	}

	/** It is served, or is none any more. */
	forget(disk: string): void {
		this.nbd.forget(disk);
		this.iscsi.forget(disk);
	}
}
