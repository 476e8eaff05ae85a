/**
 * Opens this node for a command: the IPVS, link and netfilter clients and the witness, or the reason why not.
 */
import { openLinks } from '../host/rtnetlink.ts';
import { nodeIdentity } from '../host/identity.ts';
import { openNetfilter } from '../host/netfilter/nft.ts';
import { openWitness } from '../host/witness.ts';
import { openIpvs } from '../ipvs/netlink-client.ts';
import type { IpvsInfo } from '../ipvs/types.ts';
import type { Node } from '../controller/observe.ts';

export type OpenedNode =
  | {
      readonly ok: true;
      readonly node: Node;
      readonly info: IpvsInfo;
      readonly namespace: string;
      readonly close: () => void;
    }
  | { readonly ok: false; readonly message: string };

/** Open the node and see that its kernel can do the work. Changes nothing. */
export async function openNode(runDirectory: string): Promise<OpenedNode> {
  const identity = await nodeIdentity();
  const ipvs = openIpvs();
  const links = openLinks();
  const netfilter = openNetfilter();
  const close = (): void => {
    ipvs.close();
    links.close();
  };
  const refuse = (message: string): OpenedNode => {
    close();
    return { ok: false, message };
  };
  const info = await ipvs.info();
  if (!info.ok) {
    if (info.error.errno === 'EPERM') {
      return refuse(
        'IPVS refuses this process (EPERM): it needs CAP_NET_ADMIN in the initial user namespace; run as root, or add the capability',
      );
    }
    return refuse(info.error.message);
  }
  const table = await netfilter.observe();
  if (!table.ok) return refuse(table.message);
  const witness = openWitness(runDirectory, identity);
  return {
    ok: true,
    node: { ipvs, links, netfilter, witness },
    info: info.value,
    namespace: identity.networkNamespace,
    close,
  };
}
