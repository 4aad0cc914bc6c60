/** The commands that are about the medium: rows of the table in `operations.ts`. */

import { readCapacity10, readCapacity16 } from "./capacity.js";
import { SynchronizeCache } from "./flush.js";
import { compareAndWrite, orWrite } from "./guarded.js";
import { getLbaStatus, ReadDefectData } from "./lba-status.js";
import { ServiceIn } from "./opcodes.js";
import type { Operation, Row } from "./operation.js";
import { ScsiStatus } from "./protocol.js";
import { FORM6, FORM10, FORM12, FORM16 } from "./range.js";
import { Read } from "./read.js";
import { unmap } from "./unmap.js";
import { PreFetch, Verify, WriteAndVerify } from "./verify.js";
import { Write } from "./write.js";
import { writeAtomic16 } from "./write-atomic.js";
import { WriteSame } from "./write-same.js";

/** TEST UNIT READY (SPC-4, 6.47): whatever there is against it was found before. */
const testUnitReady: Operation = { start: (task) => task.end(ScsiStatus.good) };

const READ6 = new Read(FORM6);
const READ10 = new Read(FORM10);
const READ12 = new Read(FORM12);
const READ16 = new Read(FORM16);
const WRITE6 = new Write(FORM6);
const WRITE10 = new Write(FORM10);
const WRITE12 = new Write(FORM12);
const WRITE16 = new Write(FORM16);

const FLUSH10 = new SynchronizeCache(FORM10);
const FLUSH16 = new SynchronizeCache(FORM16);

const SAME10 = new WriteSame(FORM10, false);
const SAME16 = new WriteSame(FORM16, true);

const VERIFY10 = new Verify(FORM10);
const VERIFY12 = new Verify(FORM12);
const VERIFY16 = new Verify(FORM16);
const WRITE_AND_VERIFY10 = new WriteAndVerify(FORM10);
const WRITE_AND_VERIFY12 = new WriteAndVerify(FORM12);
const WRITE_AND_VERIFY16 = new WriteAndVerify(FORM16);
const PRE_FETCH10 = new PreFetch(FORM10);
const PRE_FETCH16 = new PreFetch(FORM16);

export const MEDIUM_ROWS: readonly Row[] = [
	{ usage: "000000000007", operation: testUnitReady },
	{ usage: "081fffffff07", operation: READ6 },
	{ usage: "0a1fffffff07", operation: WRITE6 },
	{ usage: "28f8ffffffff00ffff07", operation: READ10 },
	{ usage: "2af8ffffffff00ffff07", operation: WRITE10 },
	{ usage: "a8f8ffffffffffffffff0007", operation: READ12 },
	{ usage: "aaf8ffffffffffffffff0007", operation: WRITE12 },
	{ usage: "88f8ffffffffffffffffffffffff0007", operation: READ16 },
	{ usage: "8af8ffffffffffffffffffffffff0007", operation: WRITE16 },
	{ usage: "25000000000000000007", operation: readCapacity10 },
	{ usage: "9e10ffffffffffffffffffffffff0007", action: ServiceIn.readCapacity16, operation: readCapacity16 },
	{ usage: "3502ffffffff00ffff07", operation: FLUSH10 },
	{ usage: "9102ffffffffffffffffffffffff0007", operation: FLUSH16 },
	{ usage: "42000000000000ffff07", operation: unmap },
	{ usage: "41e8ffffffff00ffff07", operation: SAME10 },
	{ usage: "93e9ffffffffffffffffffffffff0007", operation: SAME16 },
	{ usage: "89f8ffffffffffffffff000000ff0007", operation: compareAndWrite },
	{ usage: "8bf8ffffffffffffffffffffffff0007", operation: orWrite },
	{ usage: "2ff6ffffffff00ffff07", operation: VERIFY10 },
	{ usage: "aff6ffffffffffffffff0007", operation: VERIFY12 },
	{ usage: "8ff6ffffffffffffffffffffffff0007", operation: VERIFY16 },
	{ usage: "2ef2ffffffff00ffff07", operation: WRITE_AND_VERIFY10 },
	{ usage: "aef2ffffffffffffffff0007", operation: WRITE_AND_VERIFY12 },
	{ usage: "8ef2ffffffffffffffffffffffff0007", operation: WRITE_AND_VERIFY16 },
	{ usage: "3402ffffffff00ffff07", operation: PRE_FETCH10 },
	{ usage: "9002ffffffffffffffffffffffff0007", operation: PRE_FETCH16 },
	{ usage: "9cf8ffffffffffffffff0000ffff0007", operation: writeAtomic16 },
	{ usage: "9e12ffffffffffffffffffffffff0007", action: ServiceIn.getLbaStatus, operation: getLbaStatus },
	{ usage: "37001f00000000ffff07", operation: new ReadDefectData(2, 4) },
	{ usage: "b71f00000000ffffffff0007", operation: new ReadDefectData(1, 8) },
];
