// `--scratch` on the command line: only of what a volume was.
import t from "tap";
import { parseArguments } from "../../lib/cli/arguments.js";

const parse = (volume: string, ...more: string[]) =>
	parseArguments(["--scratch", ...more, "9", "0", "eth0", volume], () => ["eth0"]);

t.test("what is written is forgotten only of what a volume was", async (t) => {
	t.match(parse("pool:/srv/pool/web@monday"), { kind: "serve", options: { scratch: true, readOnly: false } });
	for (const volume of ["pool:/srv/pool/web", "disk.img", "mem:1M"])
		t.throws(() => parse(volume), {
			message: `--scratch: ${volume} is no snapshot or moment of a volume, as pool:/srv/pool/web@monday`,
		});
	t.throws(() => parse("pool:/srv/pool/web@monday", "-r"), {
		message: "--scratch: what is read only can't be written to be forgotten",
	});
});
