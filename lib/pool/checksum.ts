/**
 * What guards whatever a pool has on its storage. Used by records, the head, pages and nodes.
 */

export { crc32c } from "../wire/crc32c.js";
