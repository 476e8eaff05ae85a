/**
 * Generic netlink: how a kernel module's family is found by its name (Documentation/userspace-api/netlink/intro.rst).
 */
import { parseAttributes, readU16 } from './attributes.ts';
import type { Connection } from './connection.ts';
import { fail, ok, type Result } from './result.ts';
import type { MessageWriter } from './writer.ts';

const GENL_ID_CTRL = 16;
const CTRL_CMD_GETFAMILY = 3;
const CTRL_ATTR_FAMILY_ID = 1;
const CTRL_ATTR_FAMILY_NAME = 2;

export const GENL_HEADER_BYTES = 4;

/** The four bytes before a family's own attributes. */
export function writeGenlHeader(writer: MessageWriter, command: number, version: number): void {
  writer.u8(command);
  writer.u8(version);
  writer.u16(0);
}

/**
 * The number under which a family is known since it was registered. It changes when its module is loaded again. The
 * kernel loads the module by itself when it may (MODULE_ALIAS_GENL_FAMILY).
 */
export async function resolveFamily(connection: Connection, name: string): Promise<Result<number>> {
  const answer = await connection.request({
    type: GENL_ID_CTRL,
    what: `find the ${name} family`,
    write: (writer) => {
      writeGenlHeader(writer, CTRL_CMD_GETFAMILY, 1);
      writer.attributeString(CTRL_ATTR_FAMILY_NAME, name);
    },
  });
  if (!answer.ok) {
    if (answer.error.errno !== 'ENOENT') return answer;
    return fail({ ...answer.error, kind: 'unavailable', message: `the kernel has no ${name} family` });
  }
  const payload = answer.value[0]?.payload.subarray(GENL_HEADER_BYTES);
  const attributes = payload === undefined ? null : parseAttributes(payload);
  const id = attributes === null ? null : readU16(attributes, CTRL_ATTR_FAMILY_ID);
  if (id === null)
    return fail({ kind: 'broken', errno: null, message: `the kernel's answer about ${name} has no family id` });
  return ok(id);
}
