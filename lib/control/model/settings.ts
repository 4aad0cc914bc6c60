/**
 * The settings of a disk as the API takes and shows them: the keys of `[disk.NAME]` in the configuration, with the same names and
 * values, by the same schema that reads files.
 */

import { z } from "zod";
import { diskSchema } from "../../spec/schema.js";
import { diskName } from "./units.js";

/** As they are shown. */
export const ShownSettings = z.looseObject({}).meta({
	id: "ShownSettings",
	description: "The keys of `[disk.NAME]` in vblade.toml(5), with what `[defaults]` says",
});

export const DiskSettings = diskSchema.meta({
	id: "DiskSettings",
	description: "The keys of `[disk.NAME]` in vblade.toml(5)",
});

export const NewDisk = diskSchema.extend({ name: diskName }).meta({
	id: "NewDisk",
	description: "The name of a new disk beside the keys of `[disk.NAME]` in vblade.toml(5)",
});

/** What PATCH takes. */
export const DiskPatch = z.record(z.string(), z.unknown()).meta({
	id: "DiskPatch",
	description:
		"A JSON merge patch (RFC 7396) of DiskSettings: keys that are left out stay, null takes one away",
});
