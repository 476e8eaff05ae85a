/**
 * Names of the kernel's error numbers: a person looks up `ESRCH`, not 3.
 */
import { constants } from 'node:os';

const names = new Map(Object.entries(constants.errno).map(([name, value]) => [value, name]));
// Two names for one number on Linux; the kernel's documentation uses these.
names.set(constants.errno.EAGAIN, 'EAGAIN');
names.set(constants.errno.EOPNOTSUPP, 'EOPNOTSUPP');

/** `EEXIST` for 17 (or -17); the bare number when it has no name. */
export function errnoName(errno: number): string {
  const positive = Math.abs(errno);
  return names.get(positive) ?? `errno ${positive}`;
}
