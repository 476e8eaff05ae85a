/**
 * Schedulers by the kernel's names (net/netfilter/ipvs/ip_vs_*.c), and what each does. Which of them a kernel has, only
 * it can say.
 */

export const SCHEDULERS = [
  'rr',
  'wrr',
  'lc',
  'wlc',
  'lblc',
  'lblcr',
  'dh',
  'sh',
  'sed',
  'nq',
  'fo',
  'ovf',
  'mh',
  'twos',
] as const;

type Scheduler = (typeof SCHEDULERS)[number];

const MEANINGS: Readonly<Record<Scheduler, string>> = {
  rr: 'round robin: one after another, whatever their weights',
  wrr: 'weighted round robin: one after another, each as often as its weight says',
  lc: 'least connection: the one with the fewest connections, whatever their weights',
  wlc: 'weighted least connection: the one with the fewest connections for its weight',
  lblc: 'locality-based least connection: one for each destination address, until it is overloaded; for caches',
  lblcr: 'the same with replication: a group for each destination address, of which the least loaded; for caches',
  dh: 'destination hashing: chosen by the address that the client asks for',
  sh: 'source hashing: chosen by the address of the client, which so comes back to the same one',
  sed: 'shortest expected delay: the one with the fewest connections for its weight, counting the new one',
  nq: 'never queue: an idle one if there is one, else like sed',
  fo: 'fail over: the one with the highest weight takes everything',
  ovf: 'overflow: the one with the highest weight until its active connections reach its weight, then the next one',
  mh: 'Maglev hashing: like sh, but few clients change their real server when one comes or goes',
  twos: 'two choices: two at random, by their weights, and the less loaded of these',
};

/** For `kubectl explain`: what a scheduler is, and a line for each. */
export const SCHEDULER_TEXT = [
  'How the kernel picks a real server for a new connection. A real server of weight 0 is never picked.',
  ...SCHEDULERS.map((name) => `${name}: ${MEANINGS[name]}.`),
].join('\n');
