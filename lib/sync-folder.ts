/** Names in a folder that survive a loss of power. Used by whoever makes or renames a file that has to be there afterwards. */

import { open } from "node:fs/promises";

/** What names the folder has now are on stable storage when it resolves. */
export async function syncFolder(folder: string): Promise<void> {
	const handle = await open(folder, "r");
	try {
		await handle.sync();
	} finally {
		await handle.close();
	}
}
