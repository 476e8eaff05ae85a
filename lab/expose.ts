/**
 * Makes a port of this machine's loopback reachable from within a lab, as 10.0.2.2. QEMU's user networking does that by
 * itself; a native lab has a network namespace of its own, which a pair of relays with a Unix socket between them crosses.
 */
import { dirname, join } from 'node:path';
import { type LabEndpoint, startProcess } from './process.ts';
import { startRelay } from './relay.ts';

/** This machine's loopback, as QEMU's user networking calls it. */
export const HOST_IN_LAB = '10.0.2.2';

/** The address may be there from another port. */
const INSIDE = 'ip address replace "$1/32" dev lo; exec "$4" "$5" "$1" "$2" "$3"';

/** Holds as long as the lab and this process run. */
export async function exposePort(endpoint: LabEndpoint, port: number): Promise<void> {
  if (!('path' in endpoint.at)) return;
  const path = join(dirname(endpoint.at.path), `port-${port}.sock`);
  const outer = await startRelay({ path }, { host: '127.0.0.1', port });
  outer.unref();
  try {
    const program = [process.execPath, join(import.meta.dirname, 'guest', 'relay.ts')];
    const argv = ['sh', '-euc', INSIDE, 'expose', HOST_IN_LAB, String(port), path, ...program];
    const inner = await startProcess(endpoint, argv);
    await inner.waitFor(/listening/);
  } catch (error) {
    outer.close();
    throw error;
  }
}
