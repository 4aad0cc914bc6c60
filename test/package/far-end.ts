/**
 * A program: an initiator on an interface, at work on e9.0. It writes there, or reads what it wrote before, and says who the disk says it
 * is. For tests of the daemon where it is installed.
 *
 * Usage: far-end.js write|read INTERFACE
 */

import { FarClient } from "../daemon/far-client.js";

const LBA = 7;
const [doing, netif] = process.argv.slice(2);
const bytes = Buffer.from("what was written stays ".repeat(512).slice(0, 4096));

const client = new FarClient(netif);
const disk = await client.open(9, 0);
if (doing === "write") {
	await disk.write(LBA, bytes);
	await disk.flush();
}
const read = await disk.read(LBA, bytes.length / 512);
if (!bytes.equals(read)) throw new Error("what is read is not what was written");
console.log(`${disk.identity.serial} ${disk.identity.wwn}`);
await client.close();
