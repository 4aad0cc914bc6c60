/**
 * The other end of a channel, in a process of its own, which has it as descriptor 3: keeps all descriptors that it is given, and
 * answers how many it has and whether any were lost. Ends with the channel. Run by `processes.test.ts`.
 */

import { Asking } from "../../lib/channel/asking.js";

const CHANNEL = 3;

const kept: number[] = [];
new Asking(
	CHANNEL,
	{
		answer({ files }) {
			kept.push(...files.take());
			return { body: { kept: kept.length, isLost: files.isLost } };
		},
		told() {},
		ended: () => process.exit(0),
	},
	{ mostFiles: 8 },
);
