// Processes that end in the middle of their work, each in its own way: with the right exit code, at once, and nothing stays
// locked.
import { fileURLToPath } from "node:url";
import t from "tap";
import { LIMIT_MS } from "../support/limit.js";
import { rounds } from "../support/long.js";
import { run } from "../support/process.js";
import { EXIT_CODE } from "./load.js";
import { isFree, LOAD, link, newFiles, withCable } from "./load-bench.js";

const ROUNDS = rounds(1, 3);

function tests(): void {
	const endings = { exit: `${EXIT_CODE}`, throw: "1", close: "0", kill: "SIGTERM" };
	for (const engine of ["auto", "threads"])
		for (const [how, wanted] of Object.entries(endings))
			t.test(`a process with engine ${engine} that ends by ${how}`, async (t) => {
				for (let round = 0; round < ROUNDS; round++) {
					const file = newFiles();
					const command = [process.execPath, fileURLToPath(LOAD), file, how, ...(link ? [link] : [])];
					const { code, signal, output } = await run(command, LIMIT_MS, { env: { VBLADE_ENGINE: engine } });
					t.match(output, /^busy$/m, "it was busy");
					t.equal(`${code ?? signal}`, wanted, `and ended as it should: ${how === "throw" ? "" : output}`);
					await isFree(file);
				}
			});
}

await withCable(import.meta.url, tests);
