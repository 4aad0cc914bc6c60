// What the opener opens for others: what the files name, with that access, and what lies in folders that they allow.
import { linkSync, readlinkSync, renameSync, symlinkSync, writeFileSync } from "node:fs";
import path from "node:path";
import t from "tap";
import { OperatorError } from "../../lib/errors.js";
import { Grants } from "../../lib/opener/grants.js";

/** Where a grant leads now. */
function granted(grants: Grants, file: string, readOnly = false): string {
	const grant = grants.grant(file, readOnly);
	try {
		return grant.path.startsWith("/proc/self/fd/") ? readlinkSync(grant.path) : grant.path;
	} finally {
		grant.release();
	}
}

t.test("what the files name", async (t) => {
	const grants = new Grants(
		[
			{ path: "/srv/web.img", readOnly: false },
			{ path: "/srv/gold.img", readOnly: true },
			{ path: "/srv/both.img", readOnly: true },
			{ path: "/srv/both.img", readOnly: false },
		],
		[],
	);
	t.equal(granted(grants, "/srv/web.img"), "/srv/web.img");
	t.equal(granted(grants, "/srv/web.img", true), "/srv/web.img", "less than is named");
	t.equal(granted(grants, "/srv/gold.img", true), "/srv/gold.img");
	t.throws(() => granted(grants, "/srv/gold.img"), /read only/);
	t.equal(granted(grants, "/srv/both.img"), "/srv/both.img", "one of two disks writes");
	for (const file of ["/etc/shadow", "/srv", "/srv/web.img/", "/srv/../srv/web.img", "srv/web.img", ""])
		t.throws(() => granted(grants, file), OperatorError, file);
});

t.test("what lies in a folder that is allowed", async (t) => {
	const folder = t.testdir({
		allowed: { "a.img": "a", sub: { "b.img": "b" } },
		"secret.img": "no",
		"allowed-too": { "c.img": "c" },
	});
	const allowed = path.join(folder, "allowed");
	const grants = new Grants([], [allowed]);
	t.equal(granted(grants, path.join(allowed, "a.img")), path.join(allowed, "a.img"));
	t.equal(granted(grants, path.join(allowed, "sub/b.img")), path.join(allowed, "sub/b.img"));
	symlinkSync("sub/b.img", path.join(allowed, "inside"));
	t.equal(
		granted(grants, path.join(allowed, "inside")),
		path.join(allowed, "sub/b.img"),
		"a link that stays inside",
	);
	symlinkSync("../secret.img", path.join(allowed, "out"));
	symlinkSync(path.join(folder, "secret.img"), path.join(allowed, "absolute"));
	symlinkSync("..", path.join(allowed, "up"));
	for (const name of ["out", "absolute", "up/secret.img", "../secret.img", "missing", "sub/../../secret.img"])
		t.throws(() => granted(grants, path.join(allowed, name)), OperatorError, name);
	t.throws(() => granted(grants, `${allowed}/sub/../../secret.img`), OperatorError);
	t.throws(
		() => granted(grants, path.join(folder, "allowed-too/c.img")),
		OperatorError,
		"a folder of a longer name",
	);
	t.throws(() => granted(grants, allowed), OperatorError, "the folder itself");
	t.throws(() => new Grants([], ["/no/such/folder"]).grant("/no/such/folder/a", true), OperatorError);
});

t.test("a file that is replaced after it was granted is still the one that was", async (t) => {
	const folder = t.testdir({ allowed: { "a.img": "granted" }, "other.img": "other" });
	const allowed = path.join(folder, "allowed");
	const grant = new Grants([], [allowed]).grant(path.join(allowed, "a.img"), true);
	linkSync(path.join(allowed, "a.img"), path.join(allowed, "kept.img"));
	writeFileSync(path.join(allowed, "new"), "new");
	renameSync(path.join(allowed, "new"), path.join(allowed, "a.img"));
	t.not(readlinkSync(grant.path), path.join(allowed, "new"));
	const { readFileSync } = await import("node:fs");
	t.equal(readFileSync(grant.path, "utf8"), "granted");
	grant.release();
});
