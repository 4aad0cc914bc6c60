/** What a worker tells of iSCSI that serves nothing by it, and of a unit with a session. Used by tests that need a whole report. */

import type { IscsiReport, IscsiState } from "../../lib/daemon/iscsi-state.js";

const none = { protocol: 0, crowded: 0, unavailable: 0, forbidden: 0, authentication: 0 };

export const NO_ISCSI: IscsiReport = {
	refusals: { ...none, "not-found": 0 },
	latest: [],
	errors: {},
	headerDigestErrors: 0,
	dataDigestErrors: 0,
};

/** A unit with a session of somebody who calls itself what no line holds. */
export const UNIT: IscsiState = {
	...{ target: "iqn.2026-11.org.example:web", lun: 3, removable: false, refused: 1, unavailable: null },
	sessionCount: 1,
	sessions: [
		{
			...{ peer: "192.0.2.7:4711", initiator: "iqn.2026-11.org.example:\n", user: null },
			...{ isid: "00023d000001", headerDigest: true, dataDigest: false, since: "2026-11-26T10:00:00.000Z" },
			...{ underWay: 1, reads: 2, readBytes: 8192, writes: 0, writtenBytes: 0, errors: 0 },
		},
	],
};
