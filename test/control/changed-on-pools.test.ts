// A disk of a file is changed by command, whatever kind of pool its volume is in: the pool has no word in a file that all kinds could be written by.
import t from "tap";
import { dumpOf } from "../../lib/spec/dump.js";
import { soundConfig } from "../spec/trees.js";
import { Stage, settle } from "./stage.js";

const STORE = `[store.attic]
type = "s3"
endpoint = "https://objects.example.org"
access_key = "AK"
secret_file = "/etc/vblade/attic.secret"
`;
const IN_STORE = `${STORE}[pool.gold]
store = "attic"
container = "gold"
head = "store"
log = "/var/lib/vblade/gold"
`;
const KINDS = {
	"in a directory": '[pool.gold]\npath = "/srv/gold"\n',
	"on disks": '[pool.gold]\ndisks = ["a", "b"]\n[disk.a]\nfile = "/dev/a"\n[disk.b]\nfile = "/dev/b"\n',
	"in an object store": IN_STORE,
	"in an object store, for both hosts": `${IN_STORE}serve = "both"\nlisten = "192.0.2.1:9473"\n`,
	"in an object store, with a replica": `${IN_STORE}replica = [{ store = "attic", container = "copy" }]\n`,
};

for (const [kind, pool] of Object.entries(KINDS))
	t.test(`disks of a pool ${kind} are changed, taken away and added`, async (t) => {
		const stage = new Stage();
		const disk = '[disk.web]\nvolume = "gold/web"\nnbd = {}\n[disk.img]\nvolume = "gold/img@one"\nnbd = {}\n';
		stage.opener.text = pool + disk;
		const { inside } = await stage.start(t);
		await settle();
		const { storage } = inside.desired.steward("web")?.disk.disk ?? {};

		for (const name of ["web", "img"]) {
			const changed = await stage.askTagged("PATCH", name, { body: { limit: { iops: 1000 } } });
			t.equal(changed.status, 202, changed.text);
			await stage.done(changed);
		}
		t.strictSame(stage.workers.calls.slice(-2), ["change web", "change img"], "while they are served");
		const after = inside.desired.steward("web")?.disk;
		t.strictSame([after?.disk.storage, after?.values.limit], [storage, { iops: 1000 }]);

		const dumped = dumpOf(inside.desired.config);
		t.equal(dumpOf(soundConfig(dumped)), dumped, "what is dumped reads back");

		const removed = await stage.askTagged("DELETE", "img");
		t.equal(removed.status, 202, removed.text);
		await stage.done(removed);
		const body = { name: "img", volume: "gold/img@one", nbd: {} };
		const added = await stage.ask("POST", "/api/v1/disks", { body });
		t.ok(added.status < 300, added.text);
		await stage.done(added);
		t.match(inside.desired.steward("img")?.disk.disk.storage, {
			...storage,
			name: "gold/img@one",
			volume: "img@one",
		});
		await stage.close();
	});
