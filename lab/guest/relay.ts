// One half of `expose` in a native lab: listens where the lab sees the machine's loopback, and passes connections on to a
// Unix socket, behind which the other half is outside of the lab's network namespace.
//   node relay.ts ADDRESS PORT SOCKET
import { startRelay } from '../relay.ts';

const [host = '', port = '', path = ''] = process.argv.slice(2);
await startRelay({ host, port: Number(port) }, { path });
process.stdout.write('listening\n');
