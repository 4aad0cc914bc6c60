/** What commands may ask for at most: kept by the operations of this room, told in the pages B0h and B2h of the vital product data. */

const MIB = 1024 * 1024;

/** Of a command that moves data, in bytes: more than any READ (10) of 512-byte blocks can name. */
export const TRANSFER_BYTES_MAX = 32 * MIB;
/** Lists of parameters, in bytes. What is behind that is not looked at. */
export const PARAMETER_BYTES_MAX = 64 * 1024;
