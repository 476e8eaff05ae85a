/**
 * Which boot and which network namespace this process is in. What was written down about a kernel's tables is true for
 * just that pair.
 */
import { readFile, readlink } from 'node:fs/promises';

export interface NodeIdentity {
  readonly bootId: string;
  /** Inode number of the namespace. The kernel may use it again after the namespace is gone. */
  readonly networkNamespace: string;
}

export async function nodeIdentity(): Promise<NodeIdentity> {
  const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
  const link = await readlink('/proc/self/ns/net');
  return { bootId, networkNamespace: link.replaceAll(/\D/g, '') };
}
