/**
 * What the API speaks: a schema for each piece of JSON that goes in or out, with its unit and range. The server answers with
 * it, the OpenAPI document is made of it, and the command line and the page read it. One file a subject in `model/`; no code
 * but the schemas, so that whoever needs the types alone loads nothing.
 */

export * from "./model/change.js";
export * from "./model/disk.js";
export * from "./model/event.js";
export * from "./model/history.js";
export * from "./model/iscsi.js";
export * from "./model/machine.js";
export * from "./model/nbd.js";
export * from "./model/network.js";
export * from "./model/pool.js";
export * from "./model/pool-owner.js";
export * from "./model/problem.js";
export * from "./model/settings.js";
export * from "./model/status.js";
