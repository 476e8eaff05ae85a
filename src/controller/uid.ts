/**
 * Uids for objects that no API server has named: the same kind, namespace and name always give the same uid, so that
 * what is written into the kernel's ledger is found again after a restart.
 */
import { createHash } from 'node:crypto';
import { type Identity, identityKey } from '../crd/parse.ts';

/** An RFC 9562 version 8 UUID from the SHA-256 of kind/namespace/name. */
export function folderUid(identity: Identity): string {
  const bytes = createHash('sha256')
    .update(`lvs-director folder ${identityKey(identity)}`)
    .digest()
    .subarray(0, 16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x80;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
