/**
 * What the opener answers to workers that open pools in object stores: what the files say of them, their files on this host, and heads in
 * files. Some rows of the table in `answers.ts`.
 */

import type { Parcel } from "../channel/asking.js";
import type { Answer } from "./answer.js";
import type { ConfigFiles } from "./config-files.js";
import { HeadFiles } from "./head-files.js";
import type { PoolFolders } from "./pool-folders.js";

type Kind = "storePool" | "replicas" | "logFiles" | "logFile" | "readHead" | "swapHead";

const DONE: Parcel = { body: {} };

export function storeAnswers(
	files: () => Pick<ConfigFiles, "storePool" | "replicas" | "headFolder" | "grants">,
	folders: Pick<PoolFolders, "beginLog" | "lookAtLog" | "makeInLog">,
): { readonly [Each in Kind]: Answer<Each> } {
	const heads = new HeadFiles();
	return {
		storePool: async ({ pool }) => {
			const opening = await files().storePool(pool);
			await folders.beginLog(opening.stored.log);
			return { body: { ...opening } };
		},
		replicas: ({ pool }) => ({ body: { ...files().replicas(pool) } }),
		logFiles: async ({ log }) => {
			files().grants.refuseLog(log);
			await folders.beginLog(log);
			return { body: { ...(await folders.lookAtLog(log)) } };
		},
		logFile: async ({ log, name }) => {
			files().grants.refuseLog(log);
			await folders.makeInLog(log, name);
			return DONE;
		},
		readHead: async ({ pool }) => {
			const { answer, value } = await heads.read(files().headFolder(pool));
			return { body: answer, ...(value && { bytes: value }) };
		},
		swapHead: async ({ pool, id }, _child, bytes = new Uint8Array(0)) => ({
			body: (await heads.swap(files().headFolder(pool), id, Buffer.from(bytes))).answer,
		}),
	};
}
