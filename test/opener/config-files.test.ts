// The token is read from the file that the configuration names at present; one with mistakes changes nothing.
import { writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import type { Log } from "../../lib/log.js";
import { ConfigFiles } from "../../lib/opener/config-files.js";
import { scratchDirectory } from "../support/cleanup.js";

const say = (): void => {};
const LOG: Log = { error: say, warn: say, info: say, verbose: say };

t.test("another token_file counts from the next reload on", async (t) => {
	const folder = scratchDirectory();
	const file = (name: string): string => path.join(folder, name);
	const configure = (text: string): void => writeFileSync(file("vblade.toml"), text);
	const named = (name: string): string => `[http]\ntoken_file = "${file(name)}"\n`;
	for (const name of ["one", "two"]) writeFileSync(file(name), `${name}\n`);
	configure(named("one"));
	const files = await ConfigFiles.read(file("vblade.toml"), LOG);
	t.equal(await files.token(), "one");
	configure(named("two"));
	t.equal(await files.token(), "one", "not before");
	const { sources, take } = await files.reread();
	t.match(sources.files[0]?.text, /two/);
	t.equal(files.http.tokenFile, file("one"), "whoever asks for them has them before they count here");
	take();
	t.equal(await files.token(), "two");
	configure(`${named("one")}nonsense = 1\n`);
	const wrong = await files.reread();
	wrong.take();
	t.equal(await files.token(), "two");
	configure("");
	const before = await files.reread();
	configure(named("one"));
	(await files.reread()).take();
	before.take();
	t.equal(await files.token(), "one", "what was read later counts, whichever is taken first");
	configure("");
	(await files.reread()).take();
	t.equal(await files.token(), undefined);
});
