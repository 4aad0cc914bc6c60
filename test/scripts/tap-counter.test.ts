/** The counts that `npm test` ends with, for everything that may become of a test file. */

import t from "tap";
import { Counter, type FileResult } from "../../scripts/tap-counter.js";

/** Counts the lines of a TAP stream. */
function count(tap: string): { counter: Counter; files: FileResult[] } {
	const files: FileResult[] = [];
	const counter = new Counter((file) => files.push(file));
	for (const line of tap.trimEnd().split("\n")) counter.line(line);
	counter.end();
	return { counter, files };
}

const GOOD = `# Subtest: good.js
    # Subtest: outer
        ok 1 - should be equal
        # Subtest: inner
            ok 1 - should be equal
            1..1
        ok 2 - inner # time=1.5ms
        1..2
    ok 1 - outer # time=2ms
    ok 2 - alone
    1..2
ok 1 - good.js # time=1234.5ms
`;

const BAD = `# Subtest: bad.js
    # Subtest: outer
        not ok 1 - should be equal
          ---
          source: |
            ok 1 - quoted
            not ok 2 - quoted
          ...
        ok 2 - fine
        1..2
    not ok 1 - outer # time=2ms
      ---
      at:
        lineNumber: 1
      ...
    1..1
not ok 2 - bad.js # time=20ms
  ---
  exitCode: 1
  ...
`;

t.test("assertions are counted, the subtests around them are not", async (t) => {
	const { counter, files } = count(GOOD);
	t.match(counter, { passed: 3, failed: 0, skipped: 0, files: 1 });
	t.match(files, [{ name: "good.js", passed: 3, failed: 0, skipped: [], milliseconds: 1234.5 }]);
});

t.test("a failure counts once, and nothing that is quoted counts", async (t) => {
	const { counter, files } = count(GOOD + BAD);
	t.match(counter, { passed: 4, failed: 1, skipped: 0, files: 2 });
	t.match(files[1], { name: "bad.js", passed: 1, failed: 1 });
	t.ok(files[1]?.lines.includes("  exitCode: 1"), "what is said of the file as a whole belongs to it");
	t.notOk(files[1]?.lines.includes("    ok 2 - alone"), "what is said of another file does not");
});

t.test("a crash counts, whatever had passed before", async (t) => {
	const crashed = GOOD.replace(
		"ok 1 - good.js # time=1234.5ms",
		"not ok 1 - good.js # time=5ms\n  ---\n  signal: SIGSEGV\n  ...",
	);
	t.match(count(crashed).counter, { passed: 3, failed: 1, files: 1 });
	const early =
		"# Subtest: early.js\n    1..0 # no tests found\nnot ok 1 - early.js # time=5ms\n  ---\n  exitCode: 1\n  ...";
	t.match(count(early).counter, { passed: 0, failed: 1, files: 1 });
	const cut = GOOD.replace(/^ok 1 - good.*$/m, "");
	t.match(count(cut).counter, { files: 0 }, "a file without a result has not come to an end");
});

t.test("a plan that is not kept is a failure, whatever the result says", async (t) => {
	const inFile = GOOD.replace("    1..2\nok 1", "    1..3\nok 1");
	t.match(count(inFile).counter, { passed: 3, failed: 1, files: 1 });
	t.match(count(inFile).files, [{ name: "good.js", failed: 1 }]);
	const inSubtest = GOOD.replace("        1..2", "        1..3");
	t.match(count(inSubtest).counter, { passed: 3, failed: 1, files: 1 });
	const told = inFile.replace("ok 1 - good.js # time=1234.5ms", "not ok 1 - good.js # time=5ms");
	t.match(count(told).counter, { passed: 3, failed: 1, files: 1 }, "once, if the result says so too");
	const twice = GOOD.replace("    ok 2 - alone", "    ok 1 - alone");
	t.notMatch(count(twice).counter, { failed: 0 });
});

t.test("what is skipped counts as that, and only once", async (t) => {
	const skipped = `# Subtest: some.js
    ok 1 - first # SKIP why
    # Subtest: outer
        ok 1 - second # SKIP
        not ok 2 - third # TODO
        1..2
    ok 2 - outer # time=1ms
    1..2
ok 1 - some.js # time=1ms
# Subtest: none.js
    1..0 # no root
ok 2 - none.js # SKIP no root
`;
	const { counter, files } = count(skipped);
	t.match(counter, { passed: 0, failed: 0, skipped: 4, files: 2 });
	t.same(
		files.map((file) => file.skipped),
		[["first", "second", "third"], ["none.js"]],
	);
});
