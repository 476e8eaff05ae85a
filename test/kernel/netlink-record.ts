/**
 * What the processes of a node ask the kernel for over netlink, as the kernel's own tap (nlmon) and tcpdump record it. Only
 * headers are read here, with the numbers of the kernel's headers and nothing of ours.
 */
import type { Network } from '../../lab/topology.ts';

export type Asked = `${'route' | 'generic' | 'netfilter'} ${'read' | 'write'}`;

const NETLINK_ROUTE = 0;
const NETLINK_NETFILTER = 12;
const NETLINK_GENERIC = 16;
const NLM_F_REQUEST = 1;
const GENL_ID_CTRL = 16;
/** IPVS_CMD_GET_SERVICE, GET_DEST, GET_DAEMON, GET_CONFIG and GET_INFO of linux/ip_vs.h. */
const IPVS_READS: ReadonlySet<number> = new Set([4, 8, 11, 13, 15]);
/** NFNL_MSG_BATCH_BEGIN and END: each change of nftables stands between them. */
const NFNL_BATCH: ReadonlySet<number> = new Set([16, 17]);

/** Record until `stop`, which gives the requests in their order. */
export async function recordNetlink(network: Network, node: string): Promise<{ stop: () => Promise<Asked[]> }> {
  const file = `/tmp/${network.namespace(node)}.pcap`;
  const add = 'ip link show nlmon0 >/dev/null 2>&1 || ip link add nlmon0 type nlmon; ip link set nlmon0 up';
  await network.run(node, ['sh', '-euc', add]);
  const capture = await network.start(node, [
    'tcpdump',
    '-Z',
    'root',
    '-i',
    'nlmon0',
    '-U',
    '-w',
    file,
    '--immediate-mode',
  ]);
  await capture.waitFor(/listening on nlmon0/);
  return {
    async stop() {
      capture.signal('SIGINT');
      await capture.finished;
      const { stdout } = await network.run(node, ['base64', '--wrap=0', file]);
      return requests(Buffer.from(stdout, 'base64'));
    },
  };
}

/** A pcap file of link type LINUX_NETLINK: 16 bytes that end with the netlink family, then messages. */
function requests(pcap: Buffer): Asked[] {
  const found: Asked[] = [];
  let offset = 24;
  while (offset + 16 <= pcap.length) {
    const length = pcap.readUInt32LE(offset + 8);
    const packet = pcap.subarray(offset + 16, offset + 16 + length);
    found.push(...messages(packet.readUInt16BE(14), packet.subarray(16)));
    offset += 16 + length;
  }
  return found;
}

function messages(family: number, bytes: Buffer): Asked[] {
  const found: Asked[] = [];
  let offset = 0;
  while (offset + 16 <= bytes.length) {
    const length = bytes.readUInt32LE(offset);
    if (length < 16) break;
    const asked = (bytes.readUInt16LE(offset + 6) & NLM_F_REQUEST) === 0 ? null : kindOf(family, bytes, offset);
    if (asked !== null) found.push(asked);
    offset += (length + 3) & ~3;
  }
  return found;
}

function kindOf(family: number, bytes: Buffer, offset: number): Asked | null {
  const type = bytes.readUInt16LE(offset + 4);
  // RTM_GET... are the third of each four.
  if (family === NETLINK_ROUTE) return type % 4 === 2 ? 'route read' : 'route write';
  if (family === NETLINK_NETFILTER) return NFNL_BATCH.has(type) ? 'netfilter write' : 'netfilter read';
  if (family !== NETLINK_GENERIC || type === GENL_ID_CTRL) return null;
  return IPVS_READS.has(bytes.readUInt8(offset + 16)) ? 'generic read' : 'generic write';
}
