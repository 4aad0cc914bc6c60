/** What a server of iSCSI has, as iscsi-ls(1) finds it: how tests and benchmarks come to the name of a target that they have not chosen. */

import { until } from "../support/cleanup.js";
import { LIMIT_MS } from "../support/limit.js";
import { type Program, run } from "../support/process.js";

/** The URL of the only LUN of the only target at an address, as soon as there is one. Throws with what the server said if it has ended. */
export async function urlAt(address: string, server: Program, namespace?: string): Promise<string> {
	let url = "";
	const isFound = async (): Promise<boolean> => {
		if (server.ended !== undefined) throw new Error(server.output || "it ended at once, in silence");
		const { stdout } = await run(["iscsi-ls", "--show-luns", `iscsi://${address}`], LIMIT_MS, { namespace });
		const [, target] = /^Target:(\S+) /m.exec(stdout) ?? [];
		const [, lun] = /^Lun:(\d+) .*DIRECT_ACCESS/m.exec(stdout) ?? [];
		url = `iscsi://${address}/${target}/${lun}`;
		return target !== undefined && lun !== undefined;
	};
	await until("a LUN is served", isFound, LIMIT_MS);
	return url;
}
